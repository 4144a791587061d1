import OpenAI from "openai"
import { ApiHandlerOptions } from "../../shared/api"
export type CompletionUsage = { cost?: number; cost_details?: { upstream_inference_cost?: number } }
export class OpenRouterHandler { protected options: ApiHandlerOptions; constructor(options: ApiHandlerOptions) { this.options = options } }
