package dev.nudge.merge;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.LayerShape;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.model.ModelConfig;
import dev.nudge.model.StreamedLm;
import dev.nudge.nn.LinearSlot;
import dev.nudge.settings.MergeSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// Holds adapters that sit on each other, the first one lowest, read layer by layer.
final class AdapterStack implements StreamedLm.Dressing, AutoCloseable {
  private record Part(PeftAdapter adapter, Set<String> paths, double scale) {}

  private final List<Part> parts = new ArrayList<>();
  private final Dtype compute;

  private AdapterStack(Dtype compute) {
    this.compute = compute;
  }

  /// Opens all adapters and holds them against the model.
  ///
  /// @param compute type that A and B multiply in
  /// @throws dev.nudge.settings.InputException where one is not of this model
  static AdapterStack open(MergeSettings settings, ModelConfig config, Dtype compute) {
    AdapterStack stack = new AdapterStack(compute);
    try {
      List<LayerShape> layers = layers(config);
      for (int i = 0; i < settings.adapter().size(); i++) {
        PeftAdapter adapter = PeftAdapter.open(Path.of(settings.adapter().get(i)));
        Set<String> paths = new TreeSet<>();
        stack.parts.add(new Part(adapter, paths, settings.scales().get(i)));
        adapter.fit(layers, ModelConfig.UNTARGETABLE).forEach(shape -> paths.add(shape.path()));
      }
      return stack;
    } catch (RuntimeException | Error e) {
      stack.close();
      throw e;
    }
  }

  private static List<LayerShape> layers(ModelConfig config) {
    Map<String, long[]> tensors = config.tensors();
    return config.projections().stream()
        .map(
            path -> {
              long[] shape = Objects.requireNonNull(tensors.get(path + ".weight"));
              return new LayerShape(config.module(path), (int) shape[1], (int) shape[0]);
            })
        .toList();
  }

  /// Returns these adapters for computing in another type; this stack closes them.
  AdapterStack in(Dtype other) {
    AdapterStack stack = new AdapterStack(other);
    stack.parts.addAll(parts);
    return stack;
  }

  /// The paths of all layers that an adapter sits on.
  Set<String> paths() {
    return parts.stream().flatMap(p -> p.paths.stream()).collect(Collectors.toSet());
  }

  @Override
  public void put(List<LinearSlot> slots, Scope scope) {
    for (Part part : parts) {
      Adapters.stack(slots, part.paths, part.adapter, part.scale, compute, scope);
    }
  }

  @Override
  public void close() {
    parts.forEach(part -> part.adapter.close());
  }
}
