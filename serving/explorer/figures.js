// Figures as a person reads them; what is exact stands in attributes beside them.

export const THIN = "\u202f";

/** A share as per cent: two digits that matter below 10 %. */
export function percent(share) {
  const points = share * 100;
  if (points === 0) return `0${THIN}%`;
  const digits = points >= 9.95 ? 0 : points >= 0.995 ? 1 : 2;
  return `${points.toFixed(digits)}${THIN}%`;
}

/** From one share to another. */
export function span([low, high]) {
  return `${percent(low)} to ${percent(high)}`;
}

/** A figure with three digits that matter. */
export function figure(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

/** A large round figure, short: 200k. */
export function short(value) {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (value >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(4)));
}

export const words = (name) => name.replaceAll("_", " ");
