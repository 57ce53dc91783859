import type { AgentConfig } from './index.js';
import type { PipelineAgentConfig } from './pipeline.js';

/** Whether it understands speech by a part that understands anybody's; what hears and thinks in one has none. */
export function hasEars(agent: AgentConfig): agent is PipelineAgentConfig {
  return agent.provider === 'pipeline';
}
