// The value of a labels output, without React.

export interface Label {
  name: string;
  score: number; // 0..1
}

const labelOf = (value: unknown): Label | null => {
  const { label, score } = (value ?? {}) as Record<string, unknown>;
  return typeof label === 'string' && typeof score === 'number' ? { name: label, score } : null;
};

// The highest score first. Entries without a name or a score are left out.
export function labelsOf(value: unknown): Label[] {
  if (!Array.isArray(value)) return [];
  const labels = value.map(labelOf).filter((each) => each !== null);
  return labels.sort((a, b) => b.score - a.score);
}

export function percent(score: number): string {
  const value = 100 * Math.min(1, Math.max(0, score));
  if (value > 0 && value < 0.1) return '< 0.1 %';
  return `${value < 10 || value > 99 ? value.toFixed(1) : value.toFixed(0)} %`;
}
