/** `{name}` or `{call.id}`; braces around anything else are text. */
const PLACEHOLDER = /\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)\}/g;

/** The names that a template asks for. */
export function placeholders(template: string): string[] {
  return [...template.matchAll(PLACEHOLDER)].map(([, name]) => name ?? '');
}

/** The name, where the whole template is one placeholder; null otherwise. */
export function solePlaceholder(template: string): string | null {
  const [name] = placeholders(template);
  return name !== undefined && template === `{${name}}` ? name : null;
}

/** The template with each placeholder replaced; what is put in is not looked at again. */
export function fillTemplate(template: string, valueOf: (name: string) => string): string {
  return template.replace(PLACEHOLDER, (_, name: string) => valueOf(name));
}
