export { POST } from '../../openrouter/[...path]/route';
