// The value of a labels output, without React.

export interface Label {
  name: string;
  score: number; // 0..1
}

const labelOf = (value: unknown): Label | null => {
  const { label, name, score } = (value ?? {}) as Record<string, unknown>;
  const text = label ?? name;
  return typeof text === 'string' && typeof score === 'number' ? { name: text, score } : null;
};

// The highest score first. Entries without a name or a score are left out.
export function labelsOf(value: unknown): Label[] {
  const list = Array.isArray(value) ? value : (value as { labels?: unknown } | null)?.labels;
  if (!Array.isArray(list)) return [];
  const labels = list.map(labelOf).filter((each) => each !== null);
  return labels.sort((a, b) => b.score - a.score);
}

export function percent(score: number): string {
  const value = 100 * Math.min(1, Math.max(0, score));
  if (value > 0 && value < 0.1) return '< 0.1 %';
  return `${value < 10 || value > 99 ? value.toFixed(1) : value.toFixed(0)} %`;
}
