package dev.nudge.data;

import java.nio.IntBuffer;
import java.nio.file.Path;
import java.util.BitSet;

/// Holds one sequence to train on or to score: token ids, and which of them count.
///
/// A trained token is one whose probability given the tokens before it enters the loss; the first
/// token has none before it and is never trained.
public final class Example {
  private final int[] ids;
  private final BitSet trained;
  private final SourceLine source;

  Example(int[] ids, BitSet trained, SourceLine source) {
    this.ids = ids;
    this.trained = trained;
    // The line's text is not needed any more.
    this.source = new SourceLine(source.index(), source.file(), source.number(), "");
  }

  /// Makes a sequence of which every token but the first is trained, from no file: for measuring.
  public static Example of(int[] ids) {
    BitSet trained = new BitSet(ids.length);
    if (ids.length > 1) {
      trained.set(1, ids.length);
    }
    return new Example(ids.clone(), trained, new SourceLine(0, Path.of(""), 1, ""));
  }

  /// Returns the number of tokens.
  public int length() {
    return ids.length;
  }

  /// Returns the token at a place.
  public int id(int place) {
    return ids[place];
  }

  /// Returns a copy of the token ids.
  public int[] ids() {
    return ids.clone();
  }

  /// The token ids as something that equals another sequence's.
  IntBuffer view() {
    return IntBuffer.wrap(ids).asReadOnlyBuffer();
  }

  /// Tells whether the token at this place is trained: predicted from those before it.
  public boolean trained(int place) {
    return trained.get(place);
  }

  /// Returns the number of trained tokens.
  public int trainedTokens() {
    return trained.cardinality();
  }

  /// Returns the number of its row among the non-blank lines of all files, from 0. The parts of a
  /// row that was split have the same one.
  public int index() {
    return source.index();
  }

  /// Returns the file of its row.
  public Path file() {
    return source.file();
  }

  /// Returns the number of its line in the file, from 1.
  public int line() {
    return source.number();
  }
}
