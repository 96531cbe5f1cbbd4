package dev.nudge.adapter;

import dev.nudge.adapter.targets.Extras;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Embedding.Vectors;
import dev.nudge.nn.Linear;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.RowsLinear;
import dev.nudge.nn.TokenRows;
import dev.nudge.nn.TrainedLinear;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// An adapter's table for the embedding or output head: trained whole or in some token rows, or
/// frozen. Rows beyond the model's vocabulary start as the mean of the model's rows.
final class Table {
  private static final double ROUNDING = 0x1p-7; // of two types, bfloat16 the coarsest

  private final String path;
  private final Tensor numbers; // (vocabulary, width), compute type
  private final @Nullable Parameter whole;
  private final TokenRows rows;
  private final List<Integer> ids;
  private final @Nullable String name; // under which the table is saved; null: it is not
  private final boolean trains;

  private Table(
      String path,
      Tensor numbers,
      @Nullable Parameter whole,
      TokenRows rows,
      List<Integer> ids,
      @Nullable String name,
      boolean trains) {
    this.path = path;
    this.numbers = numbers;
    this.whole = whole;
    this.rows = rows;
    this.ids = ids;
    this.name = name;
    this.trains = trains;
  }

  /// What an adapter says about a table.
  ///
  /// @param whole whether the table is trained and saved whole
  /// @param stored numbers of the table; null: the model's
  /// @param name of `stored` in the file
  /// @param ids of token rows that are saved by themselves
  /// @param rows numbers of these token rows; null: the table's
  record Spec(
      boolean whole,
      @Nullable Tensor stored,
      @Nullable String name,
      List<Integer> ids,
      @Nullable Tensor rows) {
    /// Reads what an adapter says. A table that is stored but not trained is PEFT's copy of the
    /// model's, and ignored unless it has more rows.
    ///
    /// @param base the model's table
    /// @param whole whether the table is saved whole
    /// @throws InputException if the copy differs from the model's table
    static Spec of(
        String path,
        Tensor base,
        boolean whole,
        Extras extras,
        Source source,
        ParameterMemory room) {
      List<Integer> ids = extras.ids(path);
      Tensor stored = source.weight(path);
      if (stored != null && !whole) {
        if (!room.dry()) {
          checkCopy(path, stored, base);
        }
        stored = stored.rows() > base.rows() ? stored : null;
      }
      return new Spec(
          whole,
          stored,
          stored == null ? null : source.table(path),
          ids,
          ids.isEmpty() ? null : source.rows(path));
    }

    /// Merges two statements about one table; on conflict this one applies.
    Spec with(Spec other) {
      return new Spec(
          whole || other.whole,
          stored == null ? other.stored : stored,
          stored == null ? other.name : name,
          ids.isEmpty() ? other.ids : ids,
          rows == null ? other.rows : rows);
    }

    /// Whether another table has equal numbers, as far as both are specified.
    boolean sameAs(Spec other) {
      return whole == other.whole
          && ids.equals(other.ids)
          && same(stored, other.stored)
          && same(rows, other.rows);
    }

    private static boolean same(@Nullable Tensor a, @Nullable Tensor b) {
      return a == null
          || b == null
          || (a.dtype() == b.dtype()
              && Arrays.equals(a.shape(), b.shape())
              && a.data().mismatch(b.data()) == -1);
    }

    private static void checkCopy(String path, Tensor stored, Tensor base) {
      for (int r = 0; r < base.rows(); r++) {
        for (int c = 0; c < base.cols(); c++) {
          double is = stored.get(r, c);
          double expected = base.get(r, c);
          if (Math.abs(is - expected) > ROUNDING * Math.abs(expected) + Float.MIN_NORMAL) {
            throw new InputException(
                "the adapter was trained on another %s: row %d of the copy in it differs from the model's (%s and %s)"
                    .formatted(path, r, is, expected));
          }
        }
      }
    }

    boolean nothing() {
      return !whole && stored == null && ids.isEmpty();
    }

    /// Minimum number of rows of the table.
    int tokens() {
      int stands = stored == null ? 0 : stored.rows();
      return Math.max(stands, ids.stream().mapToInt(id -> id + 1).max().orElse(0));
    }
  }

  /// Makes a table.
  ///
  /// @param base the model's table (vocabulary, width)
  /// @param tokens rows of the new table, at least the model's
  static Table of(String path, Tensor base, Spec wanted, int tokens, ParameterMemory room) {
    if (wanted.whole) {
      Parameter whole = room.parameter(PeftFiles.nameOfWeight(path), tokens, base.cols());
      if (!room.dry()) {
        fill(base, wanted.stored, whole.master(), Set.of());
        ParameterMemory.round(whole);
      }
      return new Table(path, whole.work(), whole, TokenRows.NONE, List.of(), null, room.trains());
    }
    Set<Integer> ids = new HashSet<>(wanted.ids);
    Tensor numbers = room.scope().tensor(room.compute(), tokens, base.cols());
    if (!room.dry()) {
      fill(base, wanted.stored, numbers, wanted.rows == null ? Set.of() : ids);
    }
    TokenRows rows = rows(path, numbers, wanted, room);
    boolean known = // each row that the model has not is one of the saved rows
        IntStream.range(base.rows(), tokens).allMatch(ids::contains);
    String name = known ? null : wanted.name;
    return new Table(path, numbers, null, rows, wanted.ids, name, room.trains());
  }

  /// @param later rows that the caller fills
  private static void fill(Tensor base, @Nullable Tensor stored, Tensor to, Set<Integer> later) {
    Tensor from = stored == null ? base : stored;
    ParameterMemory.copy(from, to.rows(0, from.rows()));
    if (!IntStream.range(from.rows(), to.rows()).allMatch(later::contains)) {
      double[] mean = new double[from.cols()];
      for (int r = 0; r < from.rows(); r++) {
        for (int c = 0; c < mean.length; c++) {
          mean[c] += from.get(r, c);
        }
      }
      for (int r = from.rows(); r < to.rows(); r++) {
        for (int c = 0; c < mean.length; c++) {
          to.set(r, c, mean[c] / from.rows());
        }
      }
    }
  }

  private static TokenRows rows(String path, Tensor numbers, Spec wanted, ParameterMemory room) {
    Map<Integer, Integer> places = new TreeMap<>(); // id → its place in the list
    for (int i = 0; i < wanted.ids.size(); i++) {
      places.put(wanted.ids.get(i), i);
    }
    int[] sorted = places.keySet().stream().mapToInt(Integer::intValue).toArray();
    List<TokenRows.Run> runs = new ArrayList<>();
    for (int from = 0, to; from < sorted.length; from = to) {
      to = from + 1;
      while (to < sorted.length && sorted[to] == sorted[to - 1] + 1) {
        to++;
      }
      String name =
          PeftFiles.nameOfRows(path) + (to - from < sorted.length ? "." + sorted[from] : "");
      Tensor work = numbers.rows(sorted[from], sorted[to - 1] + 1);
      Parameter parameter = new Parameter(name, work, room.lanes(), room.scope());
      if (!room.dry()) {
        fill(parameter, Arrays.copyOfRange(sorted, from, to), places, wanted.rows);
      }
      runs.add(new TokenRows.Run(sorted[from], parameter));
    }
    return new TokenRows(runs);
  }

  private static void fill(
      Parameter parameter, int[] ids, Map<Integer, Integer> places, @Nullable Tensor rows) {
    if (rows == null) {
      ParameterMemory.copy(parameter.work(), parameter.master());
      return;
    }
    for (int r = 0; r < ids.length; r++) {
      int place = Objects.requireNonNull(places.get(ids[r]));
      for (int c = 0; c < rows.cols(); c++) {
        parameter.master().set(r, c, rows.get(place, c));
      }
    }
    ParameterMemory.round(parameter);
  }

  /// The embedding's vectors.
  Vectors vectors() {
    return !trains
        ? Vectors.of(DenseLinear.of(numbers, null))
        : whole != null
            ? Vectors.of(whole)
            : new Vectors(DenseLinear.of(numbers, null), null, rows, null);
  }

  /// An output head of its own.
  Linear head() {
    Linear dense = DenseLinear.of(numbers, null);
    if (!trains) {
      return dense;
    }
    return whole != null
        ? TrainedLinear.of(dense, whole, null)
        : RowsLinear.of(dense, rows); // also without rows: a table that is made here is not packed
  }

  List<Parameter> parameters() {
    return whole != null
        ? List.of(whole)
        : rows.runs().stream().map(TokenRows.Run::parameter).toList();
  }

  /// Numbers of [#tensors].
  ///
  /// @param twice whether the output head shares this table
  long savedNumbers(boolean twice) {
    long trained = parameters().stream().mapToLong(Parameter::elements).sum();
    return (whole != null && twice ? 2 : 1) * trained + (name == null ? 0 : numbers.elements());
  }

  long frozenBytes() {
    return whole != null ? 0 : numbers.bytes();
  }

  /// The tensors by their names in an adapter's file.
  ///
  /// @param also path of the output head that shares this table; null: none
  /// @param scope owns tensors that are made for the file
  Map<String, Tensor> tensors(@Nullable String also, Scope scope) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    if (whole != null) {
      tensors.put(whole.name(), whole.master());
      if (also != null) {
        tensors.put(PeftFiles.nameOfWeight(also), whole.master());
      }
    } else if (!ids.isEmpty()) {
      tensors.put(PeftFiles.nameOfRows(path), gathered(scope));
    }
    if (name != null) {
      tensors.put(name, numbers);
    }
    return tensors;
  }

  /// The rows in the order of their ids.
  private Tensor gathered(Scope scope) {
    if (rows.runs().size() == 1 && ids.equals(ids.stream().sorted().toList())) {
      return rows.runs().getFirst().parameter().master();
    }
    Tensor first = rows.runs().getFirst().parameter().master();
    Tensor all = scope.tensor(first.dtype(), ids.size(), first.cols());
    for (int i = 0; i < ids.size(); i++) {
      int id = ids.get(i);
      for (TokenRows.Run run : rows.runs()) {
        int row = id - run.from();
        if (row >= 0 && row < run.parameter().master().rows()) {
          ParameterMemory.copy(run.parameter().master().rows(row, row + 1), all.rows(i, i + 1));
        }
      }
    }
    return all;
  }
}
