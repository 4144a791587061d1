import * as vscode from "vscode"
import EventEmitter from "events"
import { type ProviderSettings, type HistoryItem, type CreateTaskOptions } from "@roo-code/types"
import { TelemetryService } from "@roo-code/telemetry"
import { Task } from "../task/Task"
import { ContextProxy } from "../config/ContextProxy"
import { getPostHogAnonymousId } from "../kilocode/anonymous-id"

export class ClineProvider extends EventEmitter implements vscode.WebviewViewProvider {
	private clineStack: Task[] = []

	constructor(
		readonly context: vscode.ExtensionContext,
		private readonly outputChannel: vscode.OutputChannel,
		public readonly contextProxy: ContextProxy,
	) {
		super()
	}

	public async createTask(text?: string, images?: string[], parentTask?: Task, options: CreateTaskOptions = {}) {
		const { apiConfiguration, organizationAllowList, diffEnabled: enableDiff } = await this.getState()
		const posthogDistinctId = await getPostHogAnonymousId(this.context)

		const task = new Task({
			provider: this,
			context: this.context,
			apiConfiguration: { ...apiConfiguration, posthogDistinctId },
			task: text,
			images,
			...options,
		})
		await this.addClineToStack(task)
		return task
	}

	public async createTaskWithHistoryItem(historyItem: HistoryItem & { rootTask?: Task }) {
		const { apiConfiguration } = await this.getState()
		const task = new Task({
			provider: this,
			context: this.context,
			apiConfiguration,
			historyItem,
		})
		await this.addClineToStack(task)
		return task
	}

	private updateTaskApiHandlerIfNeeded(providerSettings: ProviderSettings): void {
		const task = this.getCurrentTask()
		if (!task) return
		task.updateApiConfiguration(providerSettings)
	}

	getCurrentTask(): Task | undefined { return this.clineStack[this.clineStack.length - 1] }
	async addClineToStack(task: Task) { this.clineStack.push(task) }
	async getState(): Promise<any> { return { apiConfiguration: this.contextProxy.getProviderSettings() } }
}
