export enum Outcome {
  Good = 'good',
  Bad = 'bad',
}
