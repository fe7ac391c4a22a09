/** Runs one command of `deep-audio-dataset`. */
export function main(args: string[]): void {
  console.log(`deep-audio-dataset: ${args.join(" ")}`);
}
