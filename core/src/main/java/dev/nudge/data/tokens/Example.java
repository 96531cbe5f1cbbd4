package dev.nudge.data.tokens;

import dev.nudge.data.rows.SourceLine;
import dev.nudge.text.quality.Mix;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;

/// One sequence to train on or to score: token ids and their label mask.
///
/// A trained token is one whose probability given the tokens before it enters the loss; the first
/// token has none before it and is never trained.
///
/// It is a view of a [TokenTable], so a data set may have millions of them.
public final class Example {
  private final TokenTable table;
  private final int row;

  Example(TokenTable table, int row) {
    this.table = table;
    this.row = row;
  }

  /// A sequence by itself.
  public Example(int[] ids, BitSet trained, SourceLine source) {
    this(new Sequence(ids, trained, null), source);
  }

  /// A sequence by itself, of a row.
  public Example(Sequence sequence, SourceLine source) {
    this(alone(sequence, source), 0);
  }

  private static TokenTable alone(Sequence sequence, SourceLine source) {
    TokenTableBuilder table = new TokenTableBuilder(null);
    table.add(sequence, source);
    return table.table();
  }

  /// Makes a sequence without a file in which every token but the first is trained, for benchmarks.
  public static Example of(int[] ids) {
    BitSet trained = new BitSet(ids.length);
    if (ids.length > 1) {
      trained.set(1, ids.length);
    }
    return new Example(ids, trained, noFile(0));
  }

  /// Makes a sequence without a file in which all tokens from an index on are trained, for scoring.
  ///
  /// @param from index of the first trained token, at least 1
  /// @param index number of the sequence
  public static Example from(int[] ids, int from, int index) {
    return sampled(ids, from, index, 0);
  }

  /// Makes a sequence without a file of a sampled completion, whose tokens are trained.
  ///
  /// @param from index of the completion's first token, at least 1
  /// @param index number of the prompt's row
  /// @param value its reward
  public static Example sampled(int[] ids, int from, int index, double value) {
    if (from < 1 || from >= ids.length) {
      throw new IllegalArgumentException("of %d tokens from %d".formatted(ids.length, from));
    }
    BitSet trained = new BitSet(ids.length);
    trained.set(from, ids.length);
    return new Example(new Sequence(ids, trained, null, value, null), noFile(index));
  }

  private static SourceLine noFile(int index) {
    return new SourceLine(index, Path.of(""), 1, "");
  }

  /// Makes a sequence of the prompt of one and the answer of another: the tokens before the first
  /// trained one, and from the first trained one on.
  ///
  /// @param maxLength most tokens; the answer loses its end
  public static Example joined(Example prompt, Example answer, int maxLength) {
    int before = prompt.prompt();
    int from = answer.prompt();
    int length = Math.min(maxLength, before + answer.length() - from);
    int[] ids = new int[length];
    BitSet trained = new BitSet(length);
    double[] weights = new double[length];
    for (int place = 0; place < length; place++) {
      boolean answered = place >= before;
      int there = place - before + from;
      ids[place] = answered ? answer.id(there) : prompt.id(place);
      trained.set(place, answered && place > 0 && answer.trained(there));
      weights[place] = answered ? answer.weight(there) : 0;
    }
    SourceLine source = new SourceLine(prompt.index(), prompt.file(), prompt.line(), "");
    return new Example(new Sequence(ids, trained, weights, 0, null), source);
  }

  /// Writes its tokens, what each counts, and the number that its row gives it.
  public void write(DataOutput to) throws IOException {
    to.writeInt(length());
    for (int place = 0; place < length(); place++) {
      to.writeInt(id(place));
      to.writeBoolean(trained(place));
      to.writeDouble(weight(place));
    }
    to.writeDouble(value());
    to.writeInt(index());
  }

  /// Reads what [#write] wrote, without a file.
  public static Example read(DataInput from) throws IOException {
    int[] ids = new int[from.readInt()];
    BitSet trained = new BitSet(ids.length);
    double[] weights = new double[ids.length];
    for (int place = 0; place < ids.length; place++) {
      ids[place] = from.readInt();
      trained.set(place, from.readBoolean());
      weights[place] = from.readDouble();
    }
    double value = from.readDouble();
    Sequence sequence = new Sequence(ids, trained, weights, value, null);
    return new Example(sequence, noFile(from.readInt()));
  }

  /// The number of tokens before the first trained one; all if none is trained.
  public int prompt() {
    int place = 0;
    while (place < length() && !trained(place)) {
      place++;
    }
    return place;
  }

  /// Returns the number of tokens.
  public int length() {
    return table.length(row);
  }

  /// Returns the token id at an index.
  public int id(int place) {
    return table.id(row, place);
  }

  /// Returns a copy of the token ids.
  public int[] ids() {
    return table.ids(row);
  }

  /// A hash of the token ids.
  int hash() {
    return Arrays.hashCode(ids());
  }

  /// A hash of the token ids and of what each counts in the loss.
  public long mixed() {
    long hash = Mix.of(Mix.of(ids()) + Double.hashCode(value()));
    for (int place = 0; place < length(); place++) {
      hash = Mix.of(hash + Double.hashCode(weight(place)));
    }
    return hash;
  }

  public boolean sameTokens(Example other) {
    return Arrays.equals(ids(), other.ids());
  }

  /// Whether the token at an index is trained.
  public boolean trained(int place) {
    return table.trained(row, place);
  }

  /// Returns the number of trained tokens.
  public int trainedTokens() {
    return table.trainedTokens(row);
  }

  /// Returns the loss weight of the token at an index: mostly 1; 0 if it is not trained.
  public double weight(int place) {
    return table.weight(row, place);
  }

  /// Returns the number that its row gives it: a label, 1 or 0, or a margin; mostly 0.
  public double value() {
    return table.value(row);
  }

  /// Returns the index of its row among the non-blank lines of all files, from 0. The parts of a
  /// split row share it.
  public int index() {
    return table.index(row);
  }

  /// Returns the file of its row.
  public Path file() {
    return table.file(row);
  }

  /// Returns the number of its line in the file, from 1.
  public int line() {
    return table.line(row);
  }
}
