import * as vscode from "vscode"
import EventEmitter from "events"
import { type ProviderSettings, type HistoryItem, RooCodeEventName } from "@roo-code/types"
import { ApiHandler, ApiHandlerCreateMessageMetadata, buildApiHandler } from "../../api"
import type { ClineProvider } from "../webview/ClineProvider"

export interface TaskOptions {
	context: vscode.ExtensionContext
	provider: ClineProvider
	apiConfiguration: ProviderSettings
	task?: string
	images?: string[]
	historyItem?: HistoryItem
	startTask?: boolean
}

export class Task extends EventEmitter {
	readonly taskId: string
	apiConfiguration: ProviderSettings
	api: ApiHandler
	private readonly globalStoragePath: string

	constructor({ context, provider, apiConfiguration, task, images, historyItem, startTask = true }: TaskOptions) {
		super()
		if (startTask && !task && !images && !historyItem) throw new Error("Either historyItem or task/images must be provided")
		this.taskId = historyItem ? historyItem.id : crypto.randomUUID()
		this.globalStoragePath = provider.context.globalStorageUri.fsPath
		this.apiConfiguration = apiConfiguration
		this.api = buildApiHandler(apiConfiguration)
	}

	public updateApiConfiguration(newApiConfiguration: ProviderSettings): void {
		this.apiConfiguration = newApiConfiguration
		this.api = buildApiHandler(newApiConfiguration)
	}
}
