import type { ProviderSettings } from '@roo-code/types';

export type ApiHandlerOptions = Omit<ProviderSettings, 'apiProvider'> & {
  kilocodeOrganizationId?: string;
  posthogDistinctId?: string; // NEW
};
