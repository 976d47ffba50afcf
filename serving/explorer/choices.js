// Which options a runtime takes: the rule of POST /compare, for requests of one runtime.

/** The mechanisms of `given` that a runtime takes, and key -> why for those that it does not.
 *
 * Of two that cannot stand together the one given later goes, and never the runtime's own way.
 */
export function settled(words, name, given) {
  const runtime = words.runtimes.find((entry) => entry.name === name);
  const kept = {};
  const dropped = {};
  if (!runtime) return { kept: { ...given }, dropped };
  for (const [key, value] of Object.entries(given)) {
    const allowed = runtime.allowed[key];
    // A name that no one knows is the service's to refuse.
    if (!allowed || allowed.includes(value)) kept[key] = value;
    else dropped[key] = `it needs ${needs(words, key, value)}`;
  }
  for (;;) {
    const inForce = { ...runtime.preset, ...kept };
    const broken = words.pairs.find(
      (pair) => pair.values.includes(inForce[pair.key]) && pair.excluded.includes(inForce[pair.other]),
    );
    if (!broken) return { kept, dropped };
    const key = Object.keys(kept).filter((k) => k === broken.key || k === broken.other).pop();
    if (key === undefined) return { kept, dropped };
    dropped[key] = broken.reason;
    delete kept[key];
  }
}

function needs(words, key, value) {
  const mechanism = words.mechanisms.find((entry) => entry.key === key);
  return mechanism?.values.find((option) => option.value === value)?.needs ?? "what it lacks";
}
