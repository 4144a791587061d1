import OpenAI from 'openai';
import { ApiHandlerOptions } from '../../shared/api';
import { X_KILOCODE_EDITORNAME, X_KILOCODE_ORGANIZATIONID, X_KILOCODE_TASKID } from '../../shared/kilocode/headers';
import { getEditorNameHeader } from '../../core/kilocode/wrapper';
import { OpenRouterHandler } from './openrouter';

type Metadata = { taskId?: string; mode?: string };

export class KilocodeOpenrouterHandler extends OpenRouterHandler {
  protected override models: Record<string, unknown> = {};

  constructor(options: ApiHandlerOptions) {
    super({ ...options, openRouterApiKey: options.kilocodeToken ?? 'not-provided' });
  }

  override customRequestOptions(metadata?: Metadata): OpenAI.RequestOptions | undefined {
    const headers: Record<string, string> = {
      [X_KILOCODE_EDITORNAME]: getEditorNameHeader(),
    };
    if (metadata?.taskId) {
      headers[X_KILOCODE_TASKID] = metadata.taskId;
    }
    const organization = this.options.kilocodeOrganizationId;
    if (organization) {
      headers[X_KILOCODE_ORGANIZATIONID] = organization;
    }

    const distinctId = this.options.posthogDistinctId;
    if (distinctId) {
      headers['x-posthog-distinct-id'] = distinctId;
    }
    return Object.keys(headers).length > 0 ? { headers } : undefined;
  }
}
