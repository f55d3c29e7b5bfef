import type { ButtonHTMLAttributes } from 'react';

type Look = 'primary' | 'quiet' | 'danger';

const looks: Record<Look, string> = {
  primary:
    'bg-amber-500 text-stone-950 not-aria-disabled:hover:bg-amber-400 ' +
    'aria-disabled:cursor-not-allowed aria-disabled:bg-stone-700 aria-disabled:text-stone-400',
  quiet: 'bg-stone-800 text-stone-200 hover:bg-stone-700 disabled:text-stone-500',
  danger: 'bg-red-900/70 text-red-100 hover:bg-red-800',
};

// A link that looks like a quiet button.
export const linkLook = 'rounded-md bg-stone-800 px-3 py-1.5 text-sm font-medium hover:bg-stone-700';

export function Button({
  look = 'quiet',
  className = '',
  type = 'button',
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { look?: Look }) {
  return (
    <button
      type={type}
      className={`rounded-md px-3 py-1.5 text-sm font-medium transition-colors ${looks[look]} ${className}`}
      {...rest}
    />
  );
}
