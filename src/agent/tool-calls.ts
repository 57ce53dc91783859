import type { ToolResult, ToolRunner } from './port.js';

/** Runs a tool with the JSON that a model wrote: broken JSON is a result that the model can act on. Never rejects. */
export async function runWithJson(tools: ToolRunner, name: string, json: string): Promise<ToolResult> {
  let input: unknown;
  try {
    input = JSON.parse(json === '' ? '{}' : json);
  } catch {
    return { ok: false, message: 'the arguments are not valid JSON' };
  }
  return tools.run(name, input);
}

/** What the tool `hangup` answers: the call ends when all was heard, so nothing more is to be said. */
export function endsCall(result: ToolResult): boolean {
  return result.ok && typeof result.value === 'object' && result.value !== null && 'ending' in result.value;
}
