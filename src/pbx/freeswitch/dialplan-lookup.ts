/** A file of a whole PBX has some hundred; more is not worth the time before a transfer. */
const MAX_EXTENSIONS = 5000;

/**
 * Whether a number can lead anywhere in a context, told from the XML that FreeSWITCH has (`xml_locate dialplan context name …`). FreeSWITCH
 * hangs up a caller who is transferred to nowhere, so a `no` has to be known before. It is said only when it is certain: each
 * extension that could take the call asks for other numbers. Conditions on anything else are not judged here.
 */
export function canLeadSomewhere(contextXml: string, number: string): 'yes' | 'no' {
  // No such context: another module may hold it (mod_xml_curl, mod_lua).
  if (!/^\s*<context\b/.test(contextXml)) return 'yes';
  const extensions = withoutComments(contextXml).match(/<extension\b[\s\S]*?<\/extension>/g) ?? [];
  if (extensions.length > MAX_EXTENSIONS) return 'yes';
  return extensions.some((extension) => takes(extension, number)) ? 'yes' : 'no';
}

function takes(extension: string, number: string): boolean {
  // Those that go on in any case only set things up.
  if (/^<extension\b[^>]*\bcontinue="true"/.test(extension)) return false;
  const conditions = extension.match(/<condition\b[^>]*>/g) ?? [];
  return conditions.every((condition) => {
    if (attribute(condition, 'field') !== 'destination_number') return true;
    return matches(attribute(condition, 'expression') ?? '', number);
  });
}

/** FreeSWITCH uses PCRE; what our own engine cannot read counts as a match. */
function matches(expression: string, number: string): boolean {
  try {
    return new RegExp(expression).test(number);
  } catch {
    return true; // an expression of a kind that only PCRE has
  }
}

function attribute(tag: string, name: string): string | null {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? null : unescapeXml(value);
}

function unescapeXml(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}

function withoutComments(xml: string): string {
  return xml.replaceAll(/<!--[\s\S]*?-->/g, '');
}
