package dev.nudge.gguf;

/// The row order of q and k in GGUF files of Llama models.
///
/// In a head of width w, llama.cpp's RoPE rotates adjacent dimensions together, Hugging Face's
/// rotates dimension i with i + w/2. So row 2i of a head in the file is Hugging Face's row i, and
/// row 2i + 1 its row i + w/2. Only whole rows move; quantised blocks do not change.
///
/// @param rows rows of the matrix, a multiple of 2 · heads
/// @param heads number of heads of q or k
public record HeadRows(int rows, int heads) {
  public HeadRows {
    if (heads < 1 || rows % (2 * heads) != 0) {
      throw new IllegalArgumentException(
          rows + " rows in " + heads + " heads; an even number a head is needed");
    }
  }

  /// Returns the file's row for Hugging Face's row `row`.
  public int inFile(int row) {
    int width = rows / heads;
    int i = row % width;
    return row - i + (i < width / 2 ? 2 * i : 2 * (i - width / 2) + 1);
  }
}
