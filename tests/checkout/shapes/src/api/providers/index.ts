export { AnthropicHandler } from "./anthropic"
export { OpenRouterHandler } from "./openrouter"
export { KilocodeOpenrouterHandler } from "./kilocode-openrouter"
