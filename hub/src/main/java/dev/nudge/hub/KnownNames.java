package dev.nudge.hub;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Models of the hub whose sizes are known and whose families nudge's tests compare with the
/// reference implementation, on tiny models. [#rebuilt] lists those whose own weights were loaded.
public final class KnownNames {
  private static final Map<String, String> SHAPES = new LinkedHashMap<>();

  static {
    add("HuggingFaceTB/SmolLM2-135M-Instruct", "SmolLM2-135M");
    add("HuggingFaceTB/SmolLM2-360M-Instruct", "SmolLM2-360M");
    add("HuggingFaceTB/SmolLM2-1.7B-Instruct", "SmolLM2-1.7B");
    add("Qwen/Qwen2.5-0.5B-Instruct", "Qwen2.5-0.5B");
    add("Qwen/Qwen2.5-1.5B-Instruct", "Qwen2.5-1.5B");
    add("Qwen/Qwen2.5-3B-Instruct", "Qwen2.5-3B");
    add("Qwen/Qwen2.5-7B-Instruct", "Qwen2.5-7B");
    add("Qwen/Qwen2.5-14B-Instruct", "Qwen2.5-14B");
    add("Qwen/Qwen3-0.6B", "Qwen3-0.6B");
    add("Qwen/Qwen3-1.7B", "Qwen3-1.7B");
    add("Qwen/Qwen3-4B", "Qwen3-4B");
    add("Qwen/Qwen3-8B", "Qwen3-8B");
    add("Qwen/Qwen3-14B", "Qwen3-14B");
    add("meta-llama/Llama-3.2-1B-Instruct", "Llama-3.2-1B");
    add("meta-llama/Llama-3.2-3B-Instruct", "Llama-3.2-3B");
    add("meta-llama/Llama-3.1-8B-Instruct", "Llama-3.1-8B");
    add("mistralai/Mistral-7B-Instruct-v0.3", "Mistral-7B");
    add("mistralai/Mistral-Nemo-Instruct-2407", "Mistral-Nemo");
  }

  private KnownNames() {}

  private static void add(String name, String shape) {
    SHAPES.put(name, shape);
  }

  /// Returns names on the hub, the smallest of each family first.
  public static List<String> all() {
    return List.copyOf(SHAPES.keySet());
  }

  /// Models that were loaded at full size, with weights dequantised from 4 bits, not downloaded.
  public static Set<String> rebuilt() {
    return Set.of("HuggingFaceTB/SmolLM2-135M-Instruct");
  }

  /// Returns each model's shape, by its name in `plan --model` and [dev.nudge.plan.KnownModels].
  public static Map<String, String> shapes() {
    return Collections.unmodifiableMap(SHAPES);
  }
}
