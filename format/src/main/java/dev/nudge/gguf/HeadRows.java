package dev.nudge.gguf;

/// The order of the rows of q and k in a GGUF file of a Llama.
///
/// llama.cpp turns neighbouring dimensions of a head of width w together (RoPE), Hugging Face
/// dimension i with i + w/2. So row 2i of a head in the file is Hugging Face's row i, and row
/// 2i + 1 its row i + w/2. Whole rows move, packed blocks stay as they are.
///
/// @param rows of the matrix, a multiple of 2 · heads
/// @param heads of q, or of k
public record HeadRows(int rows, int heads) {
  public HeadRows {
    if (heads < 1 || rows % (2 * heads) != 0) {
      throw new IllegalArgumentException(
          rows + " rows in " + heads + " heads; an even number a head is needed");
    }
  }

  /// The row of the file that is Hugging Face's row `row`.
  public int inFile(int row) {
    int width = rows / heads;
    int i = row % width;
    return row - i + (i < width / 2 ? 2 * i : 2 * (i - width / 2) + 1);
  }
}
