import { Component, type ErrorInfo, type ReactNode } from 'react';

interface Props {
  children: ReactNode;
}

// Shows an exception thrown while rendering, and a button that reloads the page, instead of an empty page.
export class ErrorBoundary extends Component<Props, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override componentDidCatch(error: Error, info: ErrorInfo) {
    console.error(error, info.componentStack);
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <main className="mx-auto max-w-xl p-10" role="alert">
        <h1 className="text-xl font-semibold">The page could not be shown</h1>
        <p className="mt-3 text-stone-400">{this.state.error.message}</p>
        <p className="mt-3">Your pictures and jobs are stored by the station.</p>
        <button
          className="mt-5 rounded-md bg-amber-500 px-4 py-2 font-medium text-stone-950"
          onClick={() => window.location.reload()}
        >
          Reload the page
        </button>
      </main>
    );
  }
}
