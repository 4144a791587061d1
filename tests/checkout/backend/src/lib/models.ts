export function isFreeModel(model: string): boolean {
  return model.endsWith(':free');
}
