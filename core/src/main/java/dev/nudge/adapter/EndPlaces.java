package dev.nudge.adapter;

import dev.nudge.adapter.targets.Extras;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Embedding;
import dev.nudge.nn.Embedding.Vectors;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Modules;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Tied;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Replaces the tables of the embedding and the output head by those of an adapter.
///
/// A tied head follows the embedding if both must have equal numbers: if token rows of the
/// embedding are trained, if the vocabulary has grown, or if the adapter sets
/// `ensure_weight_tying`. In all other cases a tied head keeps the model's own numbers, as in PEFT.
///
/// `--modules-to-save` of a tied table sets `ensure_weight_tying`: the model was trained tied, and
/// no folder with tied weights can hold the two copies of PEFT's default.
final class EndPlaces implements Placement {
  private final Embedding embedding;
  private final LinearSlot slot;
  private final @Nullable Table table; // null: the embedding stays
  private final @Nullable Table headTable; // null: the head stays, or follows
  private final boolean follows;
  private final Vectors before;
  private final Linear headBefore;
  private final @Nullable Vectors vectors;
  private final Linear head;

  private EndPlaces(
      Modules modules, @Nullable Table table, @Nullable Table headTable, boolean follows) {
    this.embedding = Objects.requireNonNull(modules.embedding());
    this.slot = Objects.requireNonNull(modules.head());
    this.table = table;
    this.headTable = headTable;
    this.follows = follows;
    this.before = embedding.vectors();
    this.headBefore = slot.linear();
    this.vectors = table == null ? null : table.vectors();
    this.head =
        follows && table != null
            ? Tied.of(table.head())
            : headTable == null ? headBefore : headTable.head();
  }

  /// Makes the tables; null if the adapter has none.
  static @Nullable EndPlaces of(
      Modules modules, Extras extras, Source source, ParameterMemory room) {
    Embedding embedding = modules.embedding();
    LinearSlot slot = modules.head();
    if (embedding == null || slot == null) {
      return null;
    }
    List<Linear> tables = List.of(embedding.table(), slot.linear().under());
    long bytes;
    try (Workspace dry = Workspace.measuring()) {
      tables.forEach(table -> table.weight(dry, Kernels.fastest().dry()));
      bytes = dry.peak(); // 0: both are dense
    }
    boolean read = bytes > 0 && !room.dry() && reads(modules, extras, source);
    try (Workspace ws = read ? new Workspace(0, bytes, Gemm.plain()) : Workspace.measuring()) {
      Kernels kernels = read ? Kernels.fastest() : Kernels.fastest().dry();
      Tensor base = tables.getFirst().weight(ws, kernels);
      return of(modules, base, tables.getLast().weight(ws, kernels), extras, source, room);
    }
  }

  /// Whether an adapter asks for the numbers of the model's own tables.
  private static boolean reads(Modules modules, Extras extras, Source source) {
    Embedding embedding = Objects.requireNonNull(modules.embedding());
    String head = Objects.requireNonNull(modules.head()).path();
    return extras.vocabulary() > embedding.table().out()
        || List.of(modules.embeddingPath(), head).stream()
            .anyMatch(
                path ->
                    extras.saves(path)
                        || !extras.ids(path).isEmpty()
                        || source.weight(path) != null);
  }

  /// @param base the model's embedding (vocabulary, width)
  /// @param headBase the model's output head
  private static @Nullable EndPlaces of(
      Modules modules,
      Tensor base,
      Tensor headBase,
      Extras extras,
      Source source,
      ParameterMemory room) {
    LinearSlot slot = Objects.requireNonNull(modules.head());
    String path = modules.embeddingPath();
    boolean one = modules.tied() && extras.tied(); // then PEFT may name one of the two only
    boolean both = one && (extras.saves(path) || extras.saves(slot.path()));
    Table.Spec e = Table.Spec.of(path, base, both || extras.saves(path), extras, source, room);
    Table.Spec h =
        Table.Spec.of(
            slot.path(), headBase, both || extras.saves(slot.path()), extras, source, room);
    if (e.nothing() && h.nothing()) {
      return null;
    }
    boolean follows = modules.tied() && follows(e, h, extras.tied());
    int tokens =
        Math.max(Math.max(base.rows(), extras.vocabulary()), Math.max(e.tokens(), h.tokens()));
    boolean grows = tokens > base.rows();
    Table table =
        e.nothing() && !grows && !follows
            ? null
            : Table.of(path, base, follows ? e.with(h) : e, tokens, room);
    Table headTable =
        follows || (h.nothing() && !grows)
            ? null
            : Table.of(slot.path(), headBase, h, tokens, room);
    return new EndPlaces(modules, table, headTable, follows);
  }

  private static boolean follows(Table.Spec e, Table.Spec h, boolean tied) {
    if (tied) {
      return true;
    }
    if (e.whole() || h.whole()) {
      return false; // PEFT trains copies, each for itself
    }
    return h.nothing() || (h.ids().isEmpty() && !e.ids().isEmpty()) || e.sameAs(h);
  }

  /// Vocabulary size after attaching.
  int tokens() {
    return vectors == null ? before.table().out() : vectors.table().out();
  }

  /// The output head after attaching.
  Linear head() {
    return head;
  }

  @Override
  public String path() {
    return slot.path();
  }

  @Override
  public boolean free() {
    return embedding.vectors() == before && slot.linear() == headBefore;
  }

  @Override
  public boolean there() {
    return slot.linear() == head && (vectors == null || embedding.vectors() == vectors);
  }

  @Override
  public void put() {
    if (vectors != null) {
      embedding.set(vectors);
    }
    slot.resize(head);
  }

  @Override
  public void remove() {
    embedding.set(before);
    slot.resize(headBefore);
  }

  @Override
  public List<Parameter> parameters() {
    List<Parameter> all = new ArrayList<>();
    if (table != null) {
      all.addAll(table.parameters());
    }
    if (headTable != null) {
      all.addAll(headTable.parameters());
    }
    return all;
  }

  @Override
  public Map<String, Tensor> tensors(Scope scope) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    if (table != null) {
      tensors.putAll(table.tensors(follows ? slot.path() : null, scope));
    }
    if (headTable != null) {
      tensors.putAll(headTable.tensors(null, scope));
    }
    return tensors;
  }

  @Override
  public long savedNumbers() {
    return (table == null ? 0 : table.savedNumbers(follows))
        + (headTable == null ? 0 : headTable.savedNumbers(false));
  }

  @Override
  public long frozenBytes() {
    return (table == null ? 0 : table.frozenBytes())
        + (headTable == null ? 0 : headTable.frozenBytes());
  }
}
