package dev.nudge.cli;

import dev.nudge.settings.Nearest;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/// Maps other tools' verbs to nudge's, for hints after an unknown verb.
final class OtherVerbs {
  private static final Map<String, String> HINTS = new LinkedHashMap<>(); // by name

  static {
    String here = "here it is ";
    say(here + "train", "finetune fine-tune finetuning sft lora qlora tune fit trainer");
    say(here + "train --method full", "pretrain full");
    say(here + "sweep", "hpo grid grid-search gridsearch hyperparameters");
    say(here + "generate", "predict infer inference ask answer prompt run batch");
    say(here + "eval", "evaluate evaluation test benchmark lm-eval lm_eval");
    say(here + "score", "perplexity");
    say(here + "merge", "fuse merge-lora merge_and_unload");
    say(here + "plan", "estimate estimate-memory estimate_memory cost");
    say(here + "quantize", "quantise gptq awq bnb");
    say(here + "doctor", "env info check diagnose");
    say(here + "--version", "version");
    say(here + "serve", "server api deploy");
    say(here + "chat", "repl talk converse");
    say(here + "export", "gguf to-gguf convert-to-gguf ollama");
    say(
        "there is none: a model folder is read as it is; merge writes base and adapter as one, quantize"
            + " writes four bits, export writes GGUF",
        "convert save");
    say(here + "models pull", "download hub pull fetch");
    say(here + "adapters publish", "upload");
    say("there is none: give the hub's token as HF_TOKEN, or by hf auth login", "login");
    say(here + "adapters push", "push registry register");
    say(here + "data stats", "dataset datasets inspect");
    say(here + "data split", "split train-test-split holdout");
    say(here + "experiments create", "experiment ab-test abtest canary shadow");
    say(
        "there is none: train reads and tokenises rows itself, and --dry-run shows how",
        "preprocess prepare tokenize");
    say(
        "there is none: train has --objective dpo, kto, orpo, reward and grpo",
        "dpo orpo kto grpo ppo rlhf reward");
    say(here + "data from-feedback", "feedback ratings");
  }

  private OtherVerbs() {}

  private static void say(String hint, String names) {
    for (String name : names.split(" ")) {
      if (HINTS.put(name, hint) != null) {
        throw new IllegalStateException(name + " stands in the table twice");
      }
    }
  }

  /// Returns all known verbs of other tools, with their hints.
  static Map<String, String> all() {
    return HINTS;
  }

  /// Returns a hint such as `"; here it is train"` for `finetune`, else similar verbs.
  ///
  /// @param known verbs, and other words that are valid in place of a verb
  static String hint(String given, Collection<String> known) {
    String hint = HINTS.get(given.toLowerCase(Locale.ROOT));
    if (hint != null) {
      return "; " + hint;
    }
    String near = Nearest.hint(given, known);
    return near.isEmpty() ? "; see nudge --help" : near;
  }
}
