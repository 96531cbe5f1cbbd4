package dev.nudge.hub;

import dev.nudge.format.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Writes the model card of a published folder: `README.md` with the hub's front matter. It lists
/// the base, the training rows, the settings and the scores, and shows how other programs load the
/// model.
final class ModelCard {
  private static final List<String> SHOWN =
      List.of(
          "method",
          "quantize",
          "rank",
          "alpha",
          "dropout",
          "targets",
          "rs_lora",
          "learning_rate",
          "schedule",
          "warmup",
          "weight_decay",
          "optimizer",
          "steps",
          "epochs",
          "batch_size",
          "max_length",
          "seed",
          "prompt",
          "completion");

  private final List<String> lines = new ArrayList<>();
  private final RepoName name;
  private final Path folder;
  private final CardFacts facts;

  private ModelCard(RepoName name, Path folder, CardFacts facts) {
    this.name = name;
    this.folder = folder;
    this.facts = facts;
  }

  /// Writes the card.
  ///
  /// @param folder an adapter, or a model
  static String of(RepoName name, Path folder, CardFacts facts) {
    ModelCard card = new ModelCard(name, folder, facts);
    JsonNode adapter = Json.readOrMissing(folder.resolve("adapter_config.json"));
    String base = LocalPaths.base(adapter.path("base_model_name_or_path").asString(""));
    String type = adapter.path("peft_type").asString("LORA").toLowerCase(Locale.ROOT);
    String kind = adapter.isObject() ? type : null;
    String[] gguf = folder.toFile().list((in, file) -> file.endsWith(FileChoice.GGUF));
    boolean isGguf = gguf != null && gguf.length > 0;
    card.front(base, kind, isGguf);
    card.lines.add("# " + name.id());
    card.lines.add("");
    card.lines.add(
        kind == null
            ? "A model made with nudge."
            : "%s adapter of `%s`, trained with nudge."
                .formatted(kind.equals("lora") ? "A LoRA" : "An (IA)³", base));
    card.data();
    card.settings();
    card.scores();
    card.loading(base, kind, isGguf);
    return String.join("\n", card.lines) + "\n";
  }

  /// @param kind kind of adapter, a tag of the hub; null: a model
  private void front(String base, @Nullable String kind, boolean gguf) {
    lines.add("---");
    if (isHubs(base)) {
      lines.add("base_model: " + base);
    }
    if (facts.licence() != null) {
      lines.add("license: " + facts.licence().toLowerCase(Locale.ROOT));
    }
    lines.add("library_name: " + (kind != null ? "peft" : gguf ? "gguf" : "transformers"));
    lines.add("pipeline_tag: text-generation");
    lines.add("tags:");
    lines.add("- nudge");
    if (kind != null) {
      lines.add("- " + kind);
    }
    lines.add("---");
    lines.add("");
  }

  private static boolean isHubs(String base) {
    return RepoName.isName(base) && !base.startsWith(RepoName.SCHEME);
  }

  private void data() {
    JsonNode identity = Json.readOrMissing(folder.resolve("nudge.json"));
    List<String> rows = new ArrayList<>();
    row(rows, "Digest of the base", identity.path("base").path(0));
    row(rows, "Digest of the base", identity.path("source_digest"));
    if (facts.dataDigest() != null) {
      rows.add("| Digest of the rows | %s |".formatted(cell(facts.dataDigest())));
    }
    JsonNode data = identity.path("data");
    row(rows, "Rows", data.path("rows"));
    row(rows, "Tokens", data.path("tokens"));
    row(rows, "Trained tokens", data.path("trained_tokens"));
    section("What it stands on", rows);
  }

  private void settings() {
    List<String> rows = new ArrayList<>();
    for (String key : SHOWN) {
      row(rows, key, facts.settings().path(key));
    }
    section("Settings", rows);
  }

  private void scores() {
    List<String> rows = new ArrayList<>();
    row(rows, "Held-out loss before", facts.totals().path("eval_loss_before"));
    row(rows, "Held-out loss, best", facts.totals().path("eval_loss_best"));
    row(rows, "Last training loss", facts.totals().path("last_loss"));
    facts
        .scores()
        .forEach((key, score) -> rows.add("| %s | %s |".formatted(cell(key), cell(score))));
    section("Scores", rows);
  }

  private static void row(List<String> rows, String key, JsonNode value) {
    if (value.isValueNode() && !value.isNull()) {
      rows.add("| %s | %s |".formatted(key, cell(value.asString())));
    }
  }

  /// Escapes a text for a table cell.
  private static String cell(String text) {
    return text.replace("|", "\\|").replaceAll("\\s*\\R\\s*", " ");
  }

  private void section(String heading, List<String> rows) {
    if (!rows.isEmpty()) {
      lines.add("");
      lines.add("## " + heading);
      lines.add("");
      lines.add("| | |");
      lines.add("|---|---|");
      lines.addAll(rows);
    }
  }

  private void loading(String base, @Nullable String kind, boolean gguf) {
    String id = name.id();
    lines.add("");
    lines.add("## How to load it");
    lines.add("");
    if (kind != null) {
      code(
          "python",
          "from peft import AutoPeftModelForCausalLM",
          "model = AutoPeftModelForCausalLM.from_pretrained(\"%s\")".formatted(id));
      if (kind.equals("lora")) {
        code("sh", "vllm serve %s --enable-lora --lora-modules made=%s".formatted(base, id));
        code(
            "sh",
            "# llama.cpp, after a conversion by its convert_lora_to_gguf.py",
            "llama-cli -m BASE.gguf --lora ADAPTER.gguf");
      }
      code("sh", "nudge chat --model %s --adapter made=%s".formatted(base, id));
    } else if (gguf) {
      code("sh", "llama-cli -hf %s".formatted(id), "ollama run hf.co/%s".formatted(id));
      code("sh", "nudge chat --model %s".formatted(id));
    } else {
      code(
          "python",
          "from transformers import AutoModelForCausalLM",
          "model = AutoModelForCausalLM.from_pretrained(\"%s\")".formatted(id));
      code("sh", "vllm serve %s".formatted(id), "nudge chat --model %s".formatted(id));
    }
  }

  private void code(String language, String... code) {
    lines.add("```" + language);
    lines.addAll(List.of(code));
    lines.add("```");
  }

  /// Whether a folder has its own card, which is published unchanged.
  static boolean isIn(Path folder) {
    return Files.isRegularFile(folder.resolve("README.md"));
  }
}
