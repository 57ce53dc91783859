import type { Express, IRouter } from 'express';

/** What express keeps of a layer of a router, as far as it is needed to list what there is. */
type Layer = {
  readonly rawPath?: string;
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> };
  readonly handle: Partial<IRouter>;
};

/** Every route of an app: `GET /v1/calls/:id`. */
export function routesOf(app: Express): string[] {
  return below(app.router.stack as unknown as readonly Layer[], '');
}

function below(layers: readonly Layer[], prefix: string): string[] {
  return layers.flatMap(({ route, handle, rawPath = '' }) => {
    if (route !== undefined) {
      const methods = Object.keys(route.methods).filter((method) => method !== '_all');
      const path = `${prefix}${route.path}`.replace(/(.)\/$/, '$1');
      return methods.map((method) => `${method.toUpperCase()} ${path}`);
    }
    const inner = handle.stack as unknown as readonly Layer[] | undefined;
    return inner === undefined ? [] : below(inner, `${prefix}${rawPath.replace(/\/$/, '')}`);
  });
}
