package dev.nudge.adapter;

import dev.nudge.adapter.targets.ExpertPaths;
import dev.nudge.adapter.targets.ExpertTargets;
import dev.nudge.adapter.targets.Extras;
import dev.nudge.adapter.targets.LayerShape;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.machine.Backend;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Embedding;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Modules;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.ScoreHead;
import dev.nudge.settings.train.ExpertAdapters;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// An adapter on a model: attaches layers of its [AdapterKind] and trained tables to slots, and
/// detaches them.
///
/// The caller's scope owns the parameters. Everything is checked and allocated before the first
/// slot changes, so a failure leaves the model unchanged.
///
/// Threading: attach and detach while no pass runs.
public final class Adapters {
  private final AdapterKind kind;
  private final List<Placement> places;
  private final List<String> warnings;
  private final ModelShape shape;

  private Adapters(
      AdapterKind kind, List<Placement> places, List<String> warnings, ModelShape shape) {
    this.kind = kind;
    this.shape = shape;
    this.places = List.copyOf(places);
    this.warnings = List.copyOf(warnings);
  }

  /// Attaches a new adapter: A filled by `LoraInit` from `seed`, B zero; for the embedding A zero
  /// and B random; whole modules and token rows as copies of the model's.
  ///
  /// @param modules the modules of the model
  /// @param lanes number of gradients of each parameter; 0 for inference
  /// @param scope owns the parameters; a measuring scope allocates no memory for them
  public static Adapters attach(
      Modules modules, Lora spec, long seed, Dtype compute, int lanes, Scope scope) {
    return attach(modules, new LoraKind(spec), false, seed, compute, lanes, scope);
  }

  /// Attaches a new adapter that an `Initialization` will fill.
  ///
  /// @param subtracts whether the base loses what A and B add at the start: the adapter is then
  ///     saved as one of twice the rank
  public static Adapters attach(
      Modules modules,
      Lora spec,
      boolean subtracts,
      long seed,
      Dtype compute,
      int lanes,
      Scope scope) {
    return attach(modules, new LoraKind(spec), subtracts, seed, compute, lanes, scope);
  }

  /// Attaches a new adapter of any kind.
  public static Adapters attach(
      Modules modules,
      AdapterKind kind,
      boolean subtracts,
      long seed,
      Dtype compute,
      int lanes,
      Scope scope) {
    checkFree(modules);
    ModelShape shape = ModelShape.of(modules);
    Lora where = kind.where();
    List<LayerShape> adapted = shape.adapted(where);
    kind.check(shape, adapted, subtracts);
    shape.saved(where.extras(), "--modules-to-save");
    shape.checkTokens(where.extras(), adapted);
    List<String> warnings = kind.warnings(adapted, true);
    ParameterMemory room = new ParameterMemory(compute, lanes, scope);
    return put(
        places(modules, kind, paths(adapted), Source.fresh(seed, subtracts), 1, room),
        (subtracts ? new LoraKind(where.doubled()) : kind).resolved(shape),
        warnings,
        shape);
  }

  /// Attaches a saved adapter.
  ///
  /// @param dropout of further training; the dropout in the adapter's config is ignored
  public static Adapters attach(
      Modules modules, PeftAdapter adapter, double dropout, Dtype compute, int lanes, Scope scope) {
    checkFree(modules);
    ModelShape shape = ModelShape.of(modules);
    List<LayerShape> adapted = adapter.fit(shape);
    AdapterKind kind = adapter.kind().withDropout(dropout);
    kind.check(shape, adapted, false);
    ParameterMemory room = new ParameterMemory(compute, lanes, scope);
    return put(
        places(modules, kind, paths(adapted), adapter, 1, room),
        kind.resolved(shape),
        kind.warnings(adapted, false),
        shape);
  }

  /// Whether a saved adapter changes linear layers only, by A and B.
  ///
  /// @param adapted the layers that have A and B
  static boolean updates(PeftAdapter adapter, ModelShape shape, List<LayerShape> adapted) {
    LayerShape embedding = shape.embedding();
    return !adapter.holdsTables() && (embedding == null || !adapted.contains(embedding));
  }

  /// Makes the layers of a saved adapter that changes linear layers only, without attaching
  /// them: no slot is read or changed, so passes may run meanwhile. They are without dropout, which
  /// is of training.
  ///
  /// @param bases the layer of each slot without an adapter
  /// @param adapted the layers that have A and B
  static Adapters made(
      Map<LinearSlot, Linear> bases,
      ModelShape shape,
      PeftAdapter adapter,
      List<LayerShape> adapted,
      Dtype compute,
      Scope scope) {
    Set<String> paths = paths(adapted);
    AdapterKind kind = adapter.kind().withDropout(0);
    ParameterMemory room = new ParameterMemory(compute, 0, true, scope);
    List<Placement> places = new ArrayList<>();
    bases.forEach(
        (slot, base) -> {
          if (paths.contains(slot.path())) {
            places.add(kind.place(slot, base, 1, room, adapter));
          }
        });
    return new Adapters(kind.resolved(shape), places, kind.warnings(adapted, false), shape);
  }

  /// Makes such an adapter with its updates merged into weights of its own, without attaching it.
  static Adapters merged(
      Map<LinearSlot, Linear> bases,
      ModelShape shape,
      PeftAdapter adapter,
      List<LayerShape> adapted,
      Backend backend,
      Scope scope) {
    Set<String> paths = paths(adapted);
    AdapterKind kind = adapter.kind().withDropout(0);
    List<Placement> places = new ArrayList<>();
    bases.forEach(
        (slot, base) -> {
          if (paths.contains(slot.path())) {
            try (Scope once = Scope.open("merging")) {
              ParameterMemory room = new ParameterMemory(backend.compute(), 0, once);
              AdaptedLinear layer = kind.place(slot, base, 1, room, adapter).made();
              places.add(MergedPlace.of(slot, base, layer, backend, scope));
            }
          }
        });
    return new Adapters(kind.resolved(shape), places, List.of(), shape);
  }

  /// Attaches a saved adapter to a part of a model, on top of adapters that are already attached:
  /// for models that are streamed layer by layer.
  ///
  /// @param paths of the layers with A and B in the whole model, see [PeftAdapter#fit]
  /// @param scale additional factor on the adapter's updates
  /// @param scope owns the parameters; a measuring scope allocates no memory for them
  public static void stack(
      Modules part,
      Set<String> paths,
      PeftAdapter adapter,
      double scale,
      Dtype compute,
      Scope scope) {
    ParameterMemory room = new ParameterMemory(compute, 0, scope);
    places(part, adapter.kind().withDropout(0), paths, adapter, scale, room)
        .forEach(Placement::put);
  }

  private static Set<String> paths(List<LayerShape> shapes) {
    return shapes.stream().map(LayerShape::path).collect(Collectors.toSet());
  }

  /// Makes the placements of an adapter on a model or a part of one.
  private static List<Placement> places(
      Modules modules,
      AdapterKind kind,
      Set<String> adapted,
      Source source,
      double scale,
      ParameterMemory room) {
    List<Placement> places = new ArrayList<>();
    Extras extras = kind.where().extras();
    EndPlaces ends = EndPlaces.of(modules, extras, source, room);
    if (ends != null) {
      places.add(ends);
    }
    Embedding embedding = modules.embedding();
    if (embedding != null && adapted.contains(modules.embeddingPath())) {
      int tokens = ends == null ? embedding.table().out() : ends.tokens();
      places.add(
          new EmbeddingPlace(
              modules.embeddingPath(), embedding, tokens, kind.where(), scale, room, source));
    }
    for (LinearSlot slot : modules.linears()) {
      if (adapted.contains(slot.path())) {
        places.add(kind.place(slot, slot.linear(), scale, room, source));
      } else if (extras.saves(slot.path())) {
        places.add(WholeLinear.of(slot, room, source));
      }
    }
    modules
        .norms()
        .forEach(
            (path, norm) -> {
              if (extras.saves(path)) {
                places.add(WholeNorm.of(path, norm, room, source));
              }
            });
    ScoreHead score = modules.score();
    if (score != null && embedding != null && extras.score()) {
      places.add(ScorePlace.of(score, embedding.table().in(), room, source));
    }
    LinearSlot head = modules.head();
    if (head != null && adapted.contains(head.path())) {
      Linear base = ends == null ? head.linear() : ends.head();
      places.add(kind.place(head, base, scale, room, source));
    }
    return places;
  }

  /// Whether this adapter may train in a [Bank] with others: it changes linear layers of decoder
  /// layers only.
  ///
  /// @param head the output head of the model
  public boolean joins(LinearSlot head) {
    List<LoraPlace> all = updates();
    return !all.isEmpty() && all.stream().noneMatch(place -> place.slot() == head);
  }

  /// The LoRA updates of this adapter; empty if the adapter also changes something other than
  /// linear layers.
  List<LoraPlace> updates() {
    List<LoraPlace> linears = linears();
    return linears.size() == places.size() ? linears : List.of();
  }

  /// A and B of linear layers, in model order.
  public List<LoraPlace> linears() {
    return places.stream().filter(LoraPlace.class::isInstance).map(LoraPlace.class::cast).toList();
  }

  /// Makes the magnitudes of a new DoRA adapter those of its layers as they begin; without
  /// magnitudes it does nothing.
  public void begin(Backend backend, int threads) {
    for (LoraPlace place : linears()) {
      Magnitude magnitude = place.magnitude();
      if (magnitude != null) {
        LoraLinear lora = place.made().lora();
        long bytes;
        try (Workspace dry = Workspace.measuring()) {
          magnitude.begin(lora, dry, backend.kernels().dry());
          bytes = dry.peak();
        }
        try (Workspace ws = new Workspace(0, bytes, backend.gemms().apply(threads))) {
          magnitude.begin(lora, ws, backend.kernels());
        }
      }
    }
  }

  private static Adapters put(
      List<Placement> places, AdapterKind kind, List<String> warnings, ModelShape shape) {
    places.forEach(Placement::put);
    return new Adapters(kind, places, warnings, shape);
  }

  private static void checkFree(Modules modules) {
    List<LinearSlot> slots = new ArrayList<>(modules.linears());
    LinearSlot head = modules.head();
    if (head != null) {
      slots.add(head);
    }
    for (LinearSlot slot : slots) {
      if (slot.linear() instanceof AdaptedLinear) {
        throw new IllegalStateException(slot + " carries an adapter; detach it first");
      }
    }
  }

  /// The config of this adapter, as it is saved.
  public AdapterKind kind() {
    return kind;
  }

  /// The config of A and B, as it is saved.
  public Lora spec() {
    return kind.lora("that trains");
  }

  /// The paths of the layers that are adapted, in model order.
  public List<String> paths() {
    return places.stream()
        .filter(place -> place instanceof AdaptedLinear.Place || place instanceof EmbeddingPlace)
        .map(Placement::path)
        .toList();
  }

  /// Warnings about the adapter for the user, one line each.
  public List<String> warnings() {
    return warnings;
  }

  /// The trainable parameters: A and B of each layer, in model order, then whole modules.
  public List<Parameter> parameters() {
    return places.stream().flatMap(place -> place.parameters().stream()).toList();
  }

  /// Bytes of the tensors in the adapter's file.
  public long savedBytes(ExpertAdapters form) {
    SingleExperts single = single(form);
    return Dtype.F32.bytes()
        * (single == null
            ? places.stream().mapToLong(Placement::savedNumbers).sum()
            : single.numbers());
  }

  /// Bytes of frozen tables that the adapter holds besides its parameters.
  public long frozenBytes() {
    return places.stream().mapToLong(Placement::frozenBytes).sum();
  }

  /// Counts the adapter's trainable numbers against a base of `frozen` numbers.
  public ParameterCount count(long frozen) {
    long trained = parameters().stream().mapToLong(Parameter::elements).sum();
    return new ParameterCount(
        trained, trained + frozen, ExpertTargets.kinds(paths(), shape.paths()));
  }

  /// Saves the adapter in `folder`, see [PeftFiles#save].
  public void save(Path folder, String baseModel) {
    try (Scope scope = Scope.open("saving an adapter")) {
      PeftFiles.saveMade(folder, kind, baseModel, tensors(scope));
    }
  }

  /// Writes the adapter into a staging folder, which the caller renames into place.
  ///
  /// @param form of the experts' adapters
  public void write(Path growing, String baseModel, ExpertAdapters form) {
    try (Scope scope = Scope.open("saving an adapter")) {
      SingleExperts single = single(form);
      if (single == null) {
        PeftFiles.write(growing, kind, baseModel, tensors(scope));
      } else {
        LoraKind lora = new LoraKind(single.spec(kind.where()));
        PeftFiles.write(growing, lora, baseModel, single.tensors(scope));
      }
    }
  }

  /// The adapter with experts one by one; null if it has none, or they are stacked.
  private @Nullable SingleExperts single(ExpertAdapters form) {
    boolean experts = linears().stream().anyMatch(place -> ExpertPaths.isExpert(place.path()));
    return form == ExpertAdapters.PER_EXPERT && experts ? SingleExperts.of(places, shape) : null;
  }

  private Map<String, PeftFiles.Saved> tensors(Scope scope) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    places.forEach(place -> tensors.putAll(place.tensors(scope)));
    return ExpertTensors.stacked(tensors);
  }

  /// Attaches the adapter again after [#detach]; nothing is read or copied.
  ///
  /// @throws IllegalStateException if another layer was put into a slot since
  public void reattach() {
    change(places, Placement::free, Placement::put, Placement::remove, "this adapter's base");
  }

  /// Detaches the adapter: puts the previous layer back into each slot.
  ///
  /// @throws IllegalStateException if another layer was put into a slot since
  public void detach() {
    change(places.reversed(), Placement::there, Placement::remove, Placement::put, "this adapter");
  }

  /// Applies a change to all placements, or to none.
  private static void change(
      List<Placement> places,
      Predicate<Placement> ready,
      Consumer<Placement> act,
      Consumer<Placement> undo,
      String wanted) {
    List<Placement> done = new ArrayList<>();
    for (Placement place : places) {
      if (!ready.test(place)) {
        done.reversed().forEach(undo);
        throw new IllegalStateException(place.path() + " no longer holds " + wanted);
      }
      act.accept(place);
      done.add(place);
    }
  }

  /// A linear layer whose update is merged into a weight of its own, beside the base's, summed in
  /// fp32 and rounded once to the compute type.
  private record MergedPlace(LinearSlot slot, Linear base, Linear made) implements SlotPlacement {
    private static final long TILE = 1 << 20; // bytes of rows that are summed at once

    /// @param layer the base with the update
    /// @param scope owns the weight
    static MergedPlace of(
        LinearSlot slot, Linear base, AdaptedLinear layer, Backend backend, Scope scope) {
      Tensor weight = scope.tensor(backend.compute(), base.out(), base.in());
      int tile = layer.rowsOf(TILE, Dtype.F32);
      long bytes;
      try (Workspace dry = Workspace.measuring()) {
        var _ = layer.merged(0, tile, dry, backend.kernels().dry());
        bytes = dry.peak();
      }
      try (Workspace ws = new Workspace(0, bytes, backend.gemms().apply(1))) {
        for (int from = 0, to; from < base.out(); from = to) {
          to = Math.min(base.out(), from + tile);
          ws.reset();
          ParameterMemory.copy(
              layer.merged(from, to, ws, backend.kernels()), weight.rows(from, to));
        }
      }
      Tensor sum = layer.mergedBias(scope);
      Tensor bias = base.bias();
      if (sum != null) {
        bias = scope.tensor(backend.compute(), 1, base.out());
        ParameterMemory.copy(sum, bias);
      }
      return new MergedPlace(slot, base, DenseLinear.of(weight, bias));
    }

    @Override
    public List<Parameter> parameters() {
      return List.of();
    }

    @Override
    public Map<String, Tensor> tensors(Scope scope) {
      return Map.of();
    }
  }
}
