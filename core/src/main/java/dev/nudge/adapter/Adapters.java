package dev.nudge.adapter;

import dev.nudge.machine.Backend;
import dev.nudge.nn.Embedding;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Modules;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/// Puts an adapter on a model and takes it off again: assignments to the model's places.
///
/// The parameters live in the caller's scope. Everything is checked and allocated before the first
/// place changes, so a failure leaves the model as it was.
///
/// Threading: attach and detach while no pass runs.
public final class Adapters {
  private final Lora spec;
  private final List<Placement> places;
  private final List<String> warnings;

  private Adapters(Lora spec, List<Placement> places, List<String> warnings) {
    this.spec = spec;
    this.places = List.copyOf(places);
    this.warnings = List.copyOf(warnings);
  }

  /// Puts a new adapter on the model: A as [LoraInit] fills it from `seed`, B zero; of the
  /// embedding A zero and B drawn; what is saved whole, and rows of tokens, as the model has them.
  ///
  /// @param modules the model's places
  /// @param lanes gradients a parameter has; 0 where it only serves
  /// @param scope a measuring one leaves the parameters without memory
  public static Adapters attach(
      Modules modules, Lora spec, long seed, Dtype compute, int lanes, Scope scope) {
    checkFree(modules);
    ModelShape shape = ModelShape.of(modules);
    List<LayerShape> adapted = shape.adapted(spec);
    shape.saved(spec.extras(), "--modules-to-save");
    shape.checkTokens(spec.extras(), adapted);
    List<String> warnings = RankCheck.fresh(spec, adapted);
    ParameterMemory room = new ParameterMemory(compute, lanes, scope);
    return put(
        places(modules, spec, paths(adapted), Source.fresh(seed), 1, room),
        spec.resolved(shape.paths()),
        warnings);
  }

  /// Puts a saved adapter on the model.
  ///
  /// @param dropout of further training; what the adapter was trained with does not count
  public static Adapters attach(
      Modules modules, PeftAdapter adapter, double dropout, Dtype compute, int lanes, Scope scope) {
    checkFree(modules);
    ModelShape shape = ModelShape.of(modules);
    List<LayerShape> adapted = adapter.fit(shape);
    Lora spec = adapter.spec().withDropout(dropout);
    ParameterMemory room = new ParameterMemory(compute, lanes, scope);
    return put(
        places(modules, spec, paths(adapted), adapter, 1, room),
        spec.resolved(shape.paths()),
        RankCheck.warnings(spec, adapted));
  }

  /// Whether a saved adapter is nothing but updates of linear layers.
  ///
  /// @param adapted the layers that its A and B sit on
  static boolean updates(PeftAdapter adapter, ModelShape shape, List<LayerShape> adapted) {
    LayerShape embedding = shape.embedding();
    return !adapter.holdsTables() && (embedding == null || !adapted.contains(embedding));
  }

  /// Makes a saved adapter that is nothing but updates of linear layers, without putting it on: no
  /// place of the model is read or changed, so passes may run meanwhile.
  ///
  /// @param bases what is in each slot without an adapter
  /// @param adapted the layers that its A and B sit on
  static Adapters made(
      Map<LinearSlot, Linear> bases,
      ModelShape shape,
      PeftAdapter adapter,
      List<LayerShape> adapted,
      Dtype compute,
      Scope scope) {
    Set<String> paths = paths(adapted);
    ParameterMemory room = new ParameterMemory(compute, 0, true, scope);
    List<Placement> places = new ArrayList<>();
    bases.forEach(
        (slot, base) -> {
          if (paths.contains(slot.path())) {
            places.add(LoraPlace.of(slot, base, adapter.spec(), 1, room, adapter));
          }
        });
    return new Adapters(
        adapter.spec().resolved(shape.paths()),
        places,
        RankCheck.warnings(adapter.spec(), adapted));
  }

  /// Makes such an adapter with its updates merged into weights of its own, likewise.
  static Adapters merged(
      Map<LinearSlot, Linear> bases,
      ModelShape shape,
      PeftAdapter adapter,
      List<LayerShape> adapted,
      Backend backend,
      Scope scope) {
    Set<String> paths = paths(adapted);
    List<Placement> places = new ArrayList<>();
    bases.forEach(
        (slot, base) -> {
          if (paths.contains(slot.path())) {
            try (Scope once = Scope.open("merging")) {
              ParameterMemory room = new ParameterMemory(backend.compute(), 0, once);
              LoraPlace lora = LoraPlace.of(slot, base, adapter.spec(), 1, room, adapter);
              places.add(MergedPlace.of(slot, base, lora.made(), backend, scope));
            }
          }
        });
    return new Adapters(adapter.spec().resolved(shape.paths()), places, List.of());
  }

  /// Puts on a part of a model what a saved adapter has for it, around what is there already: for
  /// a model that is gone through layer by layer.
  ///
  /// @param paths of the layers that A and B sit on in the whole model, see [PeftAdapter#fit]
  /// @param scale factor on the adapter's own
  /// @param scope a measuring one leaves the parameters without numbers
  public static void stack(
      Modules part,
      Set<String> paths,
      PeftAdapter adapter,
      double scale,
      Dtype compute,
      Scope scope) {
    ParameterMemory room = new ParameterMemory(compute, 0, scope);
    places(part, adapter.spec(), paths, adapter, scale, room).forEach(Placement::put);
  }

  private static Set<String> paths(List<LayerShape> shapes) {
    return shapes.stream().map(LayerShape::path).collect(Collectors.toSet());
  }

  /// Makes what goes into the places of a model or of a part of one.
  private static List<Placement> places(
      Modules modules,
      Lora spec,
      Set<String> adapted,
      Source source,
      double scale,
      ParameterMemory room) {
    List<Placement> places = new ArrayList<>();
    EndPlaces ends = EndPlaces.of(modules, spec.extras(), source, room);
    if (ends != null) {
      places.add(ends);
    }
    Embedding embedding = modules.embedding();
    if (embedding != null && adapted.contains(modules.embeddingPath())) {
      int tokens = ends == null ? embedding.table().rows() : ends.tokens();
      places.add(
          new EmbeddingPlace(
              modules.embeddingPath(), embedding, tokens, spec, scale, room, source));
    }
    for (LinearSlot slot : modules.linears()) {
      if (adapted.contains(slot.path())) {
        places.add(LoraPlace.of(slot, slot.linear(), spec, scale, room, source));
      } else if (spec.extras().saves(slot.path())) {
        places.add(WholeLinear.of(slot, room, source));
      }
    }
    modules
        .norms()
        .forEach(
            (path, norm) -> {
              if (spec.extras().saves(path)) {
                places.add(WholeNorm.of(path, norm, room, source));
              }
            });
    LinearSlot head = modules.head();
    if (head != null && adapted.contains(head.path())) {
      Linear base = ends == null ? head.linear() : ends.head();
      places.add(LoraPlace.of(head, base, spec, scale, room, source));
    }
    return places;
  }

  /// The updates of linear layers that this adapter is; empty where any part of it is something
  /// else.
  List<LoraPlace> updates() {
    List<LoraPlace> linears = linears();
    return linears.size() == places.size() ? linears : List.of();
  }

  /// A and B of linear layers, in model order.
  List<LoraPlace> linears() {
    return places.stream().filter(LoraPlace.class::isInstance).map(LoraPlace.class::cast).toList();
  }

  private static Adapters put(List<Placement> places, Lora spec, List<String> warnings) {
    places.forEach(Placement::put);
    return new Adapters(spec, places, warnings);
  }

  private static void checkFree(Modules modules) {
    List<LinearSlot> slots = new ArrayList<>(modules.linears());
    LinearSlot head = modules.head();
    if (head != null) {
      slots.add(head);
    }
    for (LinearSlot slot : slots) {
      if (slot.linear() instanceof LoraLinear) {
        throw new IllegalStateException(slot + " carries an adapter; detach it first");
      }
    }
  }

  /// The spec of the adapter on the model, as it is saved.
  public Lora spec() {
    return spec;
  }

  /// The paths of the layers that carry A and B, in model order.
  public List<String> paths() {
    return places.stream()
        .filter(place -> place instanceof LoraPlace || place instanceof EmbeddingPlace)
        .map(Placement::path)
        .toList();
  }

  /// Warnings about the adapter for the user, one line each.
  public List<String> warnings() {
    return warnings;
  }

  /// What trains: A and B of each layer, in model order, and what is saved whole.
  public List<Parameter> parameters() {
    return places.stream().flatMap(place -> place.parameters().stream()).toList();
  }

  /// Bytes of the tensors in the adapter's file.
  public long savedBytes() {
    return Dtype.F32.bytes() * places.stream().mapToLong(Placement::savedNumbers).sum();
  }

  /// Bytes of tables that the adapter holds beside what trains.
  public long frozenBytes() {
    return places.stream().mapToLong(Placement::frozenBytes).sum();
  }

  /// Counts the adapter's numbers against a base of `frozen` numbers.
  public ParameterCount count(long frozen) {
    long trained = parameters().stream().mapToLong(Parameter::elements).sum();
    return new ParameterCount(trained, trained + frozen);
  }

  /// Puts the adapter in `folder`, see [PeftFiles#save].
  public void save(Path folder, String baseModel) {
    try (Scope scope = Scope.open("saving an adapter")) {
      PeftFiles.save(folder, spec, baseModel, tensors(scope));
    }
  }

  /// Writes the adapter into a folder that grows and is put in its place by the caller.
  public void write(Path growing, String baseModel) {
    try (Scope scope = Scope.open("saving an adapter")) {
      PeftFiles.write(growing, spec, baseModel, tensors(scope));
    }
  }

  private Map<String, Tensor> tensors(Scope scope) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    places.forEach(place -> tensors.putAll(place.tensors(scope)));
    return tensors;
  }

  /// Puts the adapter on again that [#detach] took off; nothing is read or copied.
  ///
  /// @throws IllegalStateException where something else was put into a place since
  void reattach() {
    change(places, Placement::free, Placement::put, Placement::remove, "this adapter's base");
  }

  /// Puts back into each place what was there.
  ///
  /// @throws IllegalStateException where something else was put into a place since
  public void detach() {
    change(places.reversed(), Placement::there, Placement::remove, Placement::put, "this adapter");
  }

  /// Changes all places, or none.
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
}
