import { type ModelInfo, type ProviderSettings, ANTHROPIC_DEFAULT_MAX_TOKENS } from "@roo-code/types"

// Extended ApiHandlerOptions that also includes `includeMaxTokens`

// ApiHandlerOptions
// Extend ProviderSettings (minus apiProvider) with handler-specific toggles.
export type ApiHandlerOptions = Omit<ProviderSettings, "apiProvider"> & {
	/**
	 * When true and using OpenAI Responses API models that support reasoning summaries,
	 * include reasoning.summary: "auto" so the API returns summaries.
	 */
	enableResponsesReasoningSummary?: boolean
	ollamaNumCtx?: number
	posthogDistinctId?: string
}

export type ModelRecord = Record<string, ModelInfo>
export const getModelMaxOutputTokens = ({ model }: { model: ModelInfo }) => model.maxTokens ?? ANTHROPIC_DEFAULT_MAX_TOKENS
