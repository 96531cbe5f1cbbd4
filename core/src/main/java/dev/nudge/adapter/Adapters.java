package dev.nudge.adapter;

import dev.nudge.machine.Backend;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.PageAdvice;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.IntStream;

/// Puts an adapter on a model and takes it off again: assignments to the model's slots.
///
/// The parameters live in the caller's scope. Everything is checked and allocated before the first
/// slot changes, so a failure leaves the model as it was.
///
/// Threading: attach and detach while no pass runs.
public final class Adapters {
  private record Place(LinearSlot slot, Linear base, LoraLinear adapted, Parameter a, Parameter b) {
    void beginNear(Function<String, Tensor> original, Lora spec, LoftqInit init) {
      String path = slot.path();
      Tensor weight = original.apply(path);
      init.fill(base, weight, spec.scaling(path), a.master(), b.master());
      round(a);
      round(b);
      PageAdvice.drop(weight.data());
    }
  }

  private final Lora spec;
  private final List<Place> places;
  private final List<String> warnings;

  private Adapters(Lora spec, List<Place> places, List<String> warnings) {
    this.spec = spec;
    this.places = List.copyOf(places);
    this.warnings = List.copyOf(warnings);
  }

  /// Puts a new adapter on the model: A as [LoraInit] fills it from `seed`, B zero.
  ///
  /// @param slots the model's slots; those of `untargetable` are passed over
  /// @param untargetable paths of the output head and the embeddings
  /// @param lanes gradients a parameter has; 0 where it only serves
  /// @param scope a measuring one leaves the parameters without memory
  public static Adapters attach(
      List<LinearSlot> slots,
      Collection<String> untargetable,
      Lora spec,
      long seed,
      Dtype compute,
      int lanes,
      Scope scope) {
    List<LinearSlot> usable = usable(slots, untargetable);
    List<String> paths = usable.stream().map(LinearSlot::path).toList();
    List<String> selected = spec.select(paths, untargetable);
    List<LayerShape> shapes =
        shapes(usable).stream().filter(s -> selected.contains(s.path())).toList();
    List<String> warnings = RankCheck.fresh(spec, shapes);
    Lora resolved = spec.resolved(paths);
    return put(
        usable,
        shapes,
        resolved,
        warnings,
        new Room(compute, lanes, scope),
        (pair, path) -> LoraInit.fill(pair.a(), seed, path));
  }

  /// Begins a new adapter so that the model is near the one before it was quantised, see
  /// [LoftqInit].
  ///
  /// @param original the weight (out, in) of the layer at a path before it was quantised
  /// @param threads of the machine; each takes layers of its own
  public void beginNear(Function<String, Tensor> original, Backend backend, int threads) {
    try (Lanes lanes = new Lanes(threads)) {
      lanes.run(
          lane -> {
            beginNear(original, backend, every(lane, threads));
            return lane;
          });
    }
  }

  private List<Place> every(int from, int step) {
    return IntStream.iterate(from, i -> i < places.size(), i -> i + step)
        .mapToObj(places::get)
        .toList();
  }

  private void beginNear(Function<String, Tensor> original, Backend backend, List<Place> some) {
    int rank = some.stream().mapToInt(place -> place.a.master().rows()).max().orElse(0);
    List<Linear> layers = some.stream().map(Place::base).toList();
    try (LoftqInit init = new LoftqInit(layers, rank, backend)) {
      for (Place place : some) {
        place.beginNear(original, spec, init);
      }
    }
  }

  /// Puts a saved adapter on the model.
  ///
  /// @param dropout of further training; what the adapter was trained with does not count
  public static Adapters attach(
      List<LinearSlot> slots,
      Collection<String> untargetable,
      PeftAdapter adapter,
      double dropout,
      Dtype compute,
      int lanes,
      Scope scope) {
    List<LinearSlot> usable = usable(slots, untargetable);
    List<LayerShape> shapes = adapter.fit(shapes(usable), untargetable);
    Lora spec = adapter.spec().withDropout(dropout);
    return put(
        usable,
        shapes,
        spec.resolved(usable.stream().map(LinearSlot::path).toList()),
        RankCheck.warnings(spec, shapes),
        new Room(compute, lanes, scope),
        (pair, path) -> adapter.read(path, pair.a(), pair.b()));
  }

  /// Puts on some slots what a saved adapter has for them, around what is there already: for
  /// a model that is gone through layer by layer.
  ///
  /// @param paths where the adapter sits in the whole model, see [PeftAdapter#fit]
  /// @param scale factor on the adapter's own
  /// @param scope a measuring one leaves the parameters without numbers
  public static void stack(
      List<LinearSlot> slots,
      Set<String> paths,
      PeftAdapter adapter,
      double scale,
      Dtype compute,
      Scope scope) {
    Room room = new Room(compute, 0, scope);
    for (LinearSlot slot : slots) {
      if (paths.contains(slot.path())) {
        Place place =
            place(
                slot,
                adapter.spec(),
                scale,
                room,
                (pair, path) -> adapter.read(path, pair.a(), pair.b()));
        slot.set(place.adapted);
      }
    }
  }

  /// Where parameters are allocated.
  private record Room(Dtype compute, int lanes, Scope scope) {
    Parameter parameter(String name, int rows, int cols) {
      return new Parameter(name, true, rows, cols, compute, lanes, scope);
    }
  }

  private record Pair(Tensor a, Tensor b) {}

  private static Adapters put(
      List<LinearSlot> slots,
      List<LayerShape> shapes,
      Lora spec,
      List<String> warnings,
      Room room,
      BiConsumer<Pair, String> fill) {
    Map<String, LinearSlot> byPath = new LinkedHashMap<>();
    slots.forEach(slot -> byPath.put(slot.path(), slot));
    List<Place> places = new ArrayList<>();
    for (LayerShape shape : shapes) {
      LinearSlot slot = Objects.requireNonNull(byPath.get(shape.path()));
      places.add(place(slot, spec, 1, room, fill));
    }
    places.forEach(place -> place.slot.set(place.adapted));
    return new Adapters(spec, places, warnings);
  }

  /// Makes what goes into a slot, without putting it there.
  private static Place place(
      LinearSlot slot, Lora spec, double scale, Room room, BiConsumer<Pair, String> fill) {
    String path = slot.path();
    Linear base = slot.linear();
    int rank = spec.rank(path);
    Parameter a = room.parameter(PeftFiles.nameOfA(path), rank, base.in());
    Parameter b = room.parameter(PeftFiles.nameOfB(path), base.out(), rank);
    if (!room.scope().dry()) {
      fill.accept(new Pair(a.master(), b.master()), path);
      round(a);
      round(b);
    }
    LoraLinear adapted = LoraLinear.of(base, a, b, scale * spec.scaling(path), spec.dropout());
    return new Place(slot, base, adapted, a, b);
  }

  /// Refreshes the working copy of a parameter from its master.
  private static void round(Parameter parameter) {
    Tensor master = parameter.master();
    Tensor work = parameter.work();
    if (!work.sameStart(master)) {
      for (long i = 0; i < master.elements(); i++) {
        work.put(i, master.at(i));
      }
    }
  }

  private static List<LinearSlot> usable(List<LinearSlot> slots, Collection<String> untargetable) {
    for (LinearSlot slot : slots) {
      if (slot.linear() instanceof LoraLinear) {
        throw new IllegalStateException(slot + " carries an adapter; detach it first");
      }
    }
    return slots.stream().filter(slot -> !untargetable.contains(slot.path())).toList();
  }

  private static List<LayerShape> shapes(List<LinearSlot> slots) {
    return slots.stream()
        .map(s -> new LayerShape(s.path(), s.linear().in(), s.linear().out()))
        .toList();
  }

  /// The spec of the adapter on the model, as it is saved.
  public Lora spec() {
    return spec;
  }

  /// The paths of the adapted layers, in model order.
  public List<String> paths() {
    return places.stream().map(place -> place.slot.path()).toList();
  }

  /// Warnings about the adapter for the user, one line each.
  public List<String> warnings() {
    return warnings;
  }

  /// The trained matrices: A and B of each layer, in model order.
  public List<Parameter> parameters() {
    return places.stream()
        .<Parameter>mapMulti(
            (p, each) -> {
              each.accept(p.a);
              each.accept(p.b);
            })
        .toList();
  }

  /// Counts the adapter's numbers against a base of `frozen` numbers.
  public ParameterCount count(long frozen) {
    long trained = parameters().stream().mapToLong(Parameter::elements).sum();
    return new ParameterCount(trained, trained + frozen);
  }

  /// Puts the adapter in `folder`, see [PeftFiles#save].
  public void save(Path folder, String baseModel) {
    PeftFiles.save(folder, spec, baseModel, tensors());
  }

  /// Writes the adapter into a folder that grows and is put in its place by the caller.
  public void write(Path growing, String baseModel) {
    PeftFiles.write(growing, spec, baseModel, tensors());
  }

  private Map<String, Tensor> tensors() {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    parameters().forEach(p -> tensors.put(p.name(), p.master()));
    return tensors;
  }

  /// Puts the adapter on again that [#detach] took off; nothing is read or copied.
  ///
  /// @throws IllegalStateException where something else was put into a slot since
  void reattach() {
    for (Place place : places) {
      if (place.slot.linear() != place.base) {
        throw new IllegalStateException(place.slot + " no longer holds this adapter's base");
      }
    }
    places.forEach(place -> place.slot.set(place.adapted));
  }

  /// Puts back into each slot the very layer that was there.
  ///
  /// @throws IllegalStateException where something else was put into a slot since
  public void detach() {
    for (Place place : places) {
      if (place.slot.linear() != place.adapted) {
        throw new IllegalStateException(place.slot + " no longer holds this adapter");
      }
    }
    places.forEach(place -> place.slot.set(place.base));
  }
}
