import * as vscode from 'vscode';
import { buildApiHandler } from '../../api';
import { getPostHogAnonymousId } from '../kilocode/anonymous-id';
import type { ApiHandlerOptions } from '../../shared/api';

export class ClineProvider {
  constructor(private readonly context: vscode.ExtensionContext) {}

  async createTask(settings: ApiHandlerOptions, text: string) {
    const posthogDistinctId = await getPostHogAnonymousId(this.context);
    const handler = buildApiHandler({ ...settings, apiProvider: 'kilocode', posthogDistinctId });
    return { handler, text };
  }
}
