/** What a mutation is. */

/** One way to take a required deviation out of the source: back to what the Python agent does. */
export interface Mutation {
  /** The deviation. */
  readonly id: string;
  /** What goes wrong then. */
  readonly what: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly from: string;
  readonly to: string;
}
