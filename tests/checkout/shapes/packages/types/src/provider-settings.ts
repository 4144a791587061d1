import { z } from "zod"
const baseSchema = z.object({ modelTemperature: z.number().nullish() })
export const kilocodeSchema = baseSchema.extend({ kilocodeToken: z.string().optional(), kilocodeOrganizationId: z.string().optional(), kilocodeModel: z.string().optional() })
export const providerSettingsSchema = z.object({ apiProvider: z.enum(["kilocode", "openrouter"]).optional(), ...kilocodeSchema.shape })
export type ProviderSettings = z.infer<typeof providerSettingsSchema>
