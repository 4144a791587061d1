export const X_KILOCODE_EDITORNAME = 'X-KiloCode-EditorName';
export const X_KILOCODE_TASKID = 'X-KiloCode-TaskId';
export const X_KILOCODE_ORGANIZATIONID = 'X-KiloCode-OrganizationId';
export enum Mode {
  Code = 'code',
}
