import * as vscode from 'vscode';
import crypto from 'crypto';

const STORAGE_KEY = 'kilocode.posthogAnonymousId';

export async function getPostHogAnonymousId(context: vscode.ExtensionContext): Promise<string> {
  let anonymousId = context.globalState.get<string>(STORAGE_KEY);

  if (!anonymousId) {
    const machineId = vscode.env.machineId;
    const hash = crypto
      .createHash('sha256')
      .update(machineId)
      .update('kilocode-posthog')
      .digest('hex')
      .substring(0, 16);

    anonymousId = `vscode-${hash}`;
    await context.globalState.update(STORAGE_KEY, anonymousId);
  }

  return anonymousId;
}
