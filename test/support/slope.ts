/** Slope of the straight line that lies best through the points (least squares), in units of y per unit of x; 0 for fewer than two. */
export function slopeOf(points: readonly { readonly x: number; readonly y: number }[]): number {
  const count = points.length;
  if (count < 2) return 0;
  const middleX = points.reduce((sum, { x }) => sum + x, 0) / count;
  const middleY = points.reduce((sum, { y }) => sum + y, 0) / count;
  const covariance = points.reduce((sum, { x, y }) => sum + (x - middleX) * (y - middleY), 0);
  const variance = points.reduce((sum, { x }) => sum + (x - middleX) ** 2, 0);
  return variance === 0 ? 0 : covariance / variance;
}
