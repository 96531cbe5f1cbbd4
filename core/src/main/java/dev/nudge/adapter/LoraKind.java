package dev.nudge.adapter;

import dev.nudge.adapter.targets.ExpertTargets;
import dev.nudge.adapter.targets.LayerFilter;
import dev.nudge.adapter.targets.LayerShape;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.adapter.targets.RankCheck;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.Method;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// LoRA and its variants: A and B on each layer.
record LoraKind(Lora where) implements AdapterKind {
  @Override
  public Method method() {
    return Method.LORA;
  }

  @Override
  public String shown() {
    return where.variant().shown();
  }

  @Override
  public AdapterKind resolved(ModelShape model) {
    return new LoraKind(where.resolved(model));
  }

  @Override
  public AdapterKind withDropout(double dropout) {
    return new LoraKind(where.withDropout(dropout));
  }

  @Override
  public boolean adaptsEnds() {
    return where.variant() == Lora.Variant.PLAIN;
  }

  @Override
  public void check(ModelShape model, List<LayerShape> adapted, boolean subtracts) {
    ExpertTargets.check(where.resolved(model), subtracts);
    if (!adaptsEnds()) {
      model.checkInside(shown(), adapted);
    }
    if (subtracts) {
      model.checkInside("--init pissa or olora", adapted);
      RankCheck.within(where, adapted);
    }
  }

  @Override
  public List<String> warnings(List<LayerShape> adapted, boolean fresh) {
    return fresh ? RankCheck.fresh(where, adapted) : RankCheck.warnings(where, adapted);
  }

  @Override
  public LoraPlace place(
      LinearSlot slot, Linear base, double scale, ParameterMemory room, Source source) {
    return LoraPlace.of(slot, base, where, scale, room, source);
  }

  @Override
  public boolean lowRank() {
    return true;
  }

  @Override
  public Map<String, List<Long>> vectors(LayerShape layer) {
    String name = PeftFiles.nameOfMore(where.variant(), layer.path());
    return name == null ? Map.of() : Map.of(name, List.of((long) layer.out()));
  }

  @Override
  public void config(Map<String, @Nullable Object> keys) {
    LayerFilter layers = where.layers();
    keys.put("alpha_pattern", values(where.alphaPattern(), LoraKind::number));
    keys.put("bias", "none");
    keys.put("init_lora_weights", true);
    keys.put("layer_replication", null);
    keys.put(
        "layers_pattern", layers == null || layers.patterns().isEmpty() ? null : layers.patterns());
    keys.put("layers_to_transform", layers == null ? null : layers.indices());
    keys.put("loftq_config", Map.of());
    keys.put("lora_alpha", number(where.alpha()));
    keys.put("lora_dropout", where.dropout());
    keys.put("megatron_config", null);
    keys.put("megatron_core", "megatron.core");
    keys.put("peft_type", "LORA");
    keys.put("r", where.rank());
    keys.put("rank_pattern", where.rankPattern());
    keys.put("use_dora", where.variant() == Lora.Variant.DORA);
    keys.put("use_rslora", where.rsLora());
    if (where.variant() == Lora.Variant.BIAS) {
      keys.put("lora_bias", true);
    }
  }

  /// Writes an integral alpha without a decimal point, as Python does.
  private static Object number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15 ? (Object) (long) value : value;
  }

  private static <T> Map<String, Object> values(Map<String, T> map, Function<T, Object> write) {
    return map.entrySet().stream()
        .collect(
            Collectors.toMap(
                Map.Entry::getKey,
                entry -> write.apply(entry.getValue()),
                (a, b) -> a,
                LinkedHashMap::new));
  }

  @Override
  public void checkMerge(
      Path folder, List<LayerShape> adapted, Set<String> biased, int adapters, double scale) {
    switch (where.variant()) {
      case PLAIN -> {}
      case BIAS -> checkBiases(folder, adapted, biased);
      case DORA -> checkAlone(folder, adapters, scale);
    }
  }

  /// Refuses biases of B where the merged model has no place for them.
  private static void checkBiases(Path folder, List<LayerShape> adapted, Set<String> biased) {
    for (LayerShape layer : adapted) {
      if (!biased.contains(layer.path())) {
        throw new InputException(
            "adapter %s adds a bias (lora_bias) to %s, which has none in this model, so a merged model has no place for it; serve it unmerged"
                .formatted(folder, layer.path()));
      }
    }
  }
}
