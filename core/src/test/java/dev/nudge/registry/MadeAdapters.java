package dev.nudge.registry;

import dev.nudge.adapter.PeftFiles;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.Sha256;
import dev.nudge.identity.Identity;
import dev.nudge.quant.Nf4Format;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Writes small adapter folders without training.
public final class MadeAdapters {
  public static final String BASE = Sha256.of("base".getBytes(StandardCharsets.UTF_8));
  private static final int WIDTH = 8;

  private MadeAdapters() {}

  /// An adapter of rank 2 on two layers, whose numbers follow from one.
  public static Path of(Path folder, int number) {
    Lora spec = Lora.of(2, 4, Targets.parse("q_proj"));
    try (Scope scope = Scope.open("test")) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (int layer = 0; layer < 2; layer++) {
        String path = "model.layers.%d.self_attn.q_proj".formatted(layer);
        tensors.put(PeftFiles.nameOfA(path), filled(scope, 2, WIDTH, number + layer));
        tensors.put(PeftFiles.nameOfB(path), filled(scope, WIDTH, 2, number - layer));
      }
      PeftFiles.save(folder, spec, "base", tensors);
    }
    return folder;
  }

  /// The same, trained by nudge on [#BASE].
  public static Path known(Path folder, int number) {
    return on(folder, number, BASE);
  }

  /// The same, trained by nudge on a base.
  ///
  /// @param bases digest of its weights, and of those from which they were quantised
  public static Path on(Path folder, int number, String... bases) {
    of(folder, number);
    new Identity(List.of(bases), new Nf4Format(true), BASE, null, Map.of("rows", "text"))
        .write(folder);
    return folder;
  }

  /// The same, with the file of its run.
  public static Path trained(Path folder, int number) throws IOException {
    known(folder, number);
    Files.writeString(
        folder.resolve("run.json"),
        """
        {"id": "20261101-100000-0000%02d", "started": "2026-11-01T10:00:00Z", "state": "finished",
         "settings": {"model": "/home/me/model", "data": ["/home/me/rows"], "out": "/home/me/o",
          "mixture": ["/home/me/other=30%%"], "replay": "/home/me/old", "reward": ["json:/home/me/s"],
          "init_adapter": "/registry/adapters/%s", "rank": 2, "learning_rate": 2e-4, "lanes": null},
         "digests": {"data": "%s", "eval_data": null, "init_adapter": "%s"},
         "versions": {"nudge": "0.1.0"}, "totals": {"steps": 3, "last_loss": 1.5, "cost": 9}}
        """
            .formatted(number, BASE.substring(7), BASE, BASE));
    return folder;
  }

  private static Tensor filled(Scope scope, int rows, int cols, int seed) {
    Tensor tensor = scope.tensor(Dtype.F32, rows, cols);
    for (int i = 0; i < rows * cols; i++) {
      tensor.put(i, Math.sin(1 + i * 0.7 + seed * 1.3));
    }
    return tensor;
  }
}
