import { KilocodeOpenrouterHandler } from './providers/kilocode-openrouter';
import type { ApiHandlerOptions } from '../shared/api';

export function buildApiHandler(configuration: ApiHandlerOptions & { apiProvider: string }) {
  const { apiProvider, ...options } = configuration;
  switch (apiProvider) {
    case 'kilocode':
      return new KilocodeOpenrouterHandler(options);
    default:
      throw new Error(`no provider ${apiProvider}`);
  }
}
