import type OpenAI from "openai"
import crypto from "crypto"
import { ApiHandlerOptions, ModelRecord } from "../../shared/api"
import { CompletionUsage, OpenRouterHandler } from "./openrouter"
import { getModelParams } from "../transform/model-params"
import { getModels } from "./fetchers/modelCache"
import { DEEP_SEEK_DEFAULT_TEMPERATURE, openRouterDefaultModelId, openRouterDefaultModelInfo, getKiloUrlFromToken } from "@roo-code/types"
import type { ApiHandlerCreateMessageMetadata } from ".."
import {
	X_KILOCODE_ORGANIZATIONID,
	X_KILOCODE_TASKID,
	X_KILOCODE_PROJECTID,
	X_KILOCODE_TESTER,
	X_KILOCODE_EDITORNAME,
} from "../../shared/kilocode/headers"
import { getEditorNameHeader } from "../../core/kilocode/wrapper"

/**
 * A custom OpenRouter handler that overrides the getModel function
 */
export class KilocodeOpenrouterHandler extends OpenRouterHandler {
	protected override models: ModelRecord = {}
	defaultModel: string = openRouterDefaultModelId
	private readonly apiFIMBase: string

	protected override get providerName() {
		return "KiloCode" as const
	}

	constructor(options: ApiHandlerOptions) {
		const baseApiUrl = getKiloUrlFromToken("https://api.kilo.ai/api/", options.kilocodeToken ?? "")

		options = {
			...options,
			openRouterBaseUrl: `${baseApiUrl}openrouter/`,
			openRouterApiKey: options.kilocodeToken,
		}

		super(options)

		this.apiFIMBase = baseApiUrl
	}

	override customRequestOptions(metadata?: ApiHandlerCreateMessageMetadata) {
		const headers: Record<string, string> = {
			[X_KILOCODE_EDITORNAME]: getEditorNameHeader(),
		}

		if (metadata?.taskId) {
			headers[X_KILOCODE_TASKID] = metadata.taskId
		}

		const kilocodeOptions = this.options

		if (kilocodeOptions.kilocodeOrganizationId) {
			headers[X_KILOCODE_ORGANIZATIONID] = kilocodeOptions.kilocodeOrganizationId

			if (metadata?.projectId) {
				headers[X_KILOCODE_PROJECTID] = metadata.projectId
			}
		}

		// Add X-KILOCODE-TESTER: SUPPRESS header if the setting is enabled
		if (
			kilocodeOptions.kilocodeTesterWarningsDisabledUntil &&
			kilocodeOptions.kilocodeTesterWarningsDisabledUntil > Date.now()
		) {
			headers[X_KILOCODE_TESTER] = "SUPPRESS"
		}

		const distinctId = this.options.posthogDistinctId
		if (distinctId) {
			headers["x-posthog-distinct-id"] = distinctId
		}

		return Object.keys(headers).length > 0 ? { headers } : undefined
	}

	override getTotalCost(lastUsage: CompletionUsage): number {
		return (lastUsage.cost_details?.upstream_inference_cost || 0) + (lastUsage.cost || 0)
	}
}
