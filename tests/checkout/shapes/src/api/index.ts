import { Anthropic } from "@anthropic-ai/sdk"
import type { ProviderSettings, ModelInfo } from "@roo-code/types"
import { ApiStream } from "./transform/stream"
import { OpenRouterHandler, KilocodeOpenrouterHandler, AnthropicHandler } from "./providers"
import { NativeOllamaHandler } from "./providers/native-ollama"

export interface ApiHandlerCreateMessageMetadata { mode?: string; taskId: string; projectId?: string }
export interface ApiHandler { getModel(): { id: string; info: ModelInfo } }

export function buildApiHandler(configuration: ProviderSettings): ApiHandler {
	const { apiProvider, ...options } = configuration

	switch (apiProvider) {
		case "kilocode":
			return new KilocodeOpenrouterHandler(options)
		case "openrouter":
			return new OpenRouterHandler(options)
		default:
			apiProvider satisfies "gemini-cli" | undefined
			return new AnthropicHandler(options)
	}
}
