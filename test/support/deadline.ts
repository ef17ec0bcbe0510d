/** A promise and the two ways to settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** `promise`, or an error that says what was waited for when it has not settled after `ms`. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const late = deferred<never>();
  const timer = setTimeout(() => late.reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again until `check` answers something other than undefined; for what sends no event. */
export function eventually<T>(ms: number, what: string, check: () => Promise<T | undefined>): Promise<T> {
  let isOver = false;
  const ask = async (): Promise<T> => {
    const answer = await check();
    if (answer !== undefined) return answer;
    if (isOver) throw new Error(`gave up on ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
    return ask();
  };
  return within(ms, what, ask()).finally(() => {
    isOver = true;
  });
}
