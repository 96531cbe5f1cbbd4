package dev.nudge.settings;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/// Maps names of settings in TRL, PEFT, axolotl and mlx-lm to the names here, for error messages.
///
/// One table serves flags and YAML keys: `{rank}` in a hint is written `--rank` or `rank`,
/// `{quantize=nf4}` is `--quantize nf4` or `quantize: nf4`. A hint applies only to a command that
/// has all settings it names; the first one that applies is shown.
public final class OtherNames {
  private static final Pattern HOLE = Pattern.compile("\\{([a-z0-9_]+)(?:=([^}]+))?\\}");
  private static final Map<String, List<String>> HINTS = new LinkedHashMap<>(); // by name

  static {
    // the same thing by another name
    here("model", "model_name_or_path model_name model_path base_model pretrained_model model_id");
    here("data", "dataset datasets dataset_name dataset_path data_path data_files train_file");
    here("eval_data", "eval_dataset validation_file test_datasets valid_data");
    either("{adapter}", "{out}", "adapter_path adapter_file");
    here("adapter", "lora_path peft_model adapter_name_or_path");
    here("init_adapter", "lora_model_dir resume_adapter_file");
    here("out", "output_dir save_path output");
    here("overwrite", "overwrite_output_dir");
    here("method", "fine_tune_type finetuning_type");
    here("rank", "lora_r lora_rank r");
    here("alpha", "lora_alpha");
    here("dropout", "lora_dropout");
    here("targets", "target_modules lora_target_modules lora_target");
    here("targets=all-linear", "lora_target_linear");
    here("rs_lora", "use_rslora use_rs_lora peft_use_rslora");
    here("dora", "use_dora peft_use_dora");
    here("lora_plus", "loraplus_lr_ratio loraplus_ratio");
    here("init=loftq", "loftq loftq_config");
    here("init", "init_lora_weights");
    here("quantize=nf4", "load_in_4bit bnb_4bit_quant_type use_4bit use_qlora bits quantization");
    here("double_quant", "bnb_4bit_use_double_quant use_bnb_nested_quant use_nested_quant");
    here("compute=bf16", "bf16");
    here("compute=fp32", "fp32");
    here("compute", "bnb_4bit_compute_dtype precision mixed_precision");
    here("objective", "rl stage trainer trainer_type");
    here("beta", "pref_beta dpo_beta orpo_alpha");
    here("loss_type", "pref_loss dpo_loss");
    here("rpo_alpha", "pref_ftx dpo_ftx");
    here("reference", "ref_model ref_model_path reference_model");
    here("desirable_weight", "kto_desirable_weight kto_chosen_weight");
    here("undesirable_weight", "kto_undesirable_weight kto_rejected_weight");
    here("center_rewards", "center_rewards_coefficient");
    here("generations", "num_generations");
    here("max_completion", "max_completion_length");
    here("iterations", "num_iterations");
    here("reward", "reward_funcs reward_func");
    here("learning_rate", "lr");
    here("schedule", "lr_scheduler lr_scheduler_type lr_schedule");
    here("warmup", "warmup_steps warmup_ratio num_warmup_steps");
    here("optimizer", "optim");
    here("beta1", "adam_beta1");
    here("beta2", "adam_beta2");
    here("epsilon", "adam_epsilon adam_eps");
    here("max_grad_norm", "gradient_clipping grad_clip max_norm");
    here("steps", "max_steps iters num_steps train_steps");
    here("epochs", "num_train_epochs num_epochs");
    here("max_length", "max_seq_length max_seq_len sequence_len model_max_length cutoff_len");
    here("eval_steps", "steps_per_eval eval_every");
    here("patience", "early_stopping_patience early_stopping");
    here("save_steps", "steps_per_save save_interval");
    here("max_tokens", "max_new_tokens n_predict");
    here("min_tokens", "min_new_tokens");
    here("n", "num_return_sequences num_completions");
    here("stop", "stop_strings stop_sequences");
    here("stop_id", "stop_ids stop_token_ids eos_token_id");
    here("logit_bias", "sequence_bias");
    here("top_logprobs", "n_probs");
    here("regex", "guided_regex");
    here("json_schema", "guided_json response_format json_schema_file");
    here("repetition_penalty", "repeat_penalty");
    here("temperature", "temp do_sample");
    // a setting with another meaning
    String batch = "here {batch_size} counts the sequences of a whole optimiser step";
    say(batch, "per_device_train_batch_size train_batch_size micro_batch_size");
    String whole = batch + ", which is cut to fit the memory by itself";
    say(whole, "gradient_accumulation_steps grad_accumulation_steps");
    here("eval_split", "val_set_size test_size val_size validation_split split_ratio");
    say("held-out rows are scored each epoch, or as {eval_steps} says", "eval_strategy");
    say("held-out rows are scored each epoch, or as {eval_steps} says", "evaluation_strategy");
    String four = "weights have 4 bits or their own type here: {quantize=nf4}";
    say(four, "load_in_8bit use_8bit");
    say("the compute types are {compute=bf16} and {compute=fp32}", "fp16 tf32 dtype torch_dtype");
    String layers =
        "{targets} also takes a /regex/ over the path, such as /.*layers\\.1[0-9]\\..*/";
    say(layers, "num_layers lora_layers");
    String again = "nothing to set: layers are computed again where {memory} asks for it";
    say(again, "gradient_checkpointing grad_checkpoint use_gradient_checkpointing");
    say(again, "gradient_checkpointing_kwargs activation_offloading");
    String packed = "nothing to set: rows always lie behind each other, without padding";
    say(packed, "packing sample_packing pad_to_sequence_len group_by_length");
    String shape =
        "the rows say it: of prompt and completion the completion is trained, of text all, of a"
            + " conversation what {train_on} says";
    say(shape, "train_on_inputs mask_prompt completion_only_loss assistant_only_loss");
    here("mixture", "dataset_mixer interleave_probs mix_strategy datasets_weights");
    here("columns", "field_messages message_property_mappings messages_column column_mapping");
    String columns = "{prompt} and {completion} are patterns over the columns of a row";
    say(columns, "dataset_text_field text_column prompt_template response_template");
    say(columns, "prompt_feature completion_feature instruction_template");
    say("{template} names one, or a file", "chat_template chat_template_path");
    say("a row's messages begin with that of the system", "system_prompt");
    say("every step is a line of metrics.jsonl in {out}", "logging_steps report_to");
    say("every step is a line of metrics.jsonl in {out}", "steps_per_report logging_dir");
    say(
        "every step is a line of metrics.jsonl in {out}",
        "wandb_project run_name logging_strategy");
    String processors = "nudge computes on the processors of this machine; leave it out";
    say(processors, "device device_map no_cuda use_cpu cpu");
    say(processors, "gpu gpus use_gpu num_gpus n_gpu cuda use_cuda");
    say("nudge never runs code of a model's folder; leave it out", "trust_remote_code");
    String attention = "attention is always computed block by block; leave it out";
    say(attention, "attn_implementation flash_attention use_flash_attention_2");
    say(attention, "flash_attn use_flash_attn sdp_attention");
    say("the kernels are chosen for this machine; leave it out", "torch_compile use_liger_kernel");
    // not supported
    here("modules_to_save", "lora_modules_to_save additional_target");
    here("add_tokens", "new_tokens add_new_tokens new_special_tokens");
    say("new tokens are trained with {add_tokens}", "trainable_token_indices resize_vocab");
    String resume = "{resume} goes on with the run in {out}, as the same command does";
    say(resume, "resume_from_checkpoint checkpoint_path auto_resume_from_checkpoints");
    String one = "several machines train through nudge-spark; leave it out";
    say(one, "deepspeed deepspeed_config fsdp fsdp_config ddp local_rank num_processes");
    String hub = "nudge adapters publish sends an adapter to the hub; leave it out";
    say(hub, "push_to_hub hub_model_id hub_token hf_token hub_strategy use_auth_token");
    String best = "nothing to set: the best by held-out rows is kept, and the last beside it";
    say(best, "save_total_limit load_best_model_at_end metric_for_best_model");
    String saving = "what trains is saved every few minutes, or as {save_steps} says";
    say(saving, "save_strategy save_every");
    say("all rows of {data} are taken; give a shorter file", "max_train_samples max_samples");
    say("noise on embeddings is not supported; leave it out", "neftune_noise_alpha");
    say("the base's biases stay frozen; {lora_bias} gives B one; leave it out", "bias");
    say("causal language models are the only ones; leave it out", "task_type");
    say("rows are read on all processors; leave it out", "dataset_num_proc num_workers");
    say("rows are read on all processors; leave it out", "dataloader_num_workers");
  }

  private OtherNames() {}

  private static void here(String setting, String names) {
    say("here it is {" + setting + "}", names);
  }

  private static void either(String setting, String other, String names) {
    put(names, List.of("here it is " + setting, "here it is " + other));
  }

  private static void say(String hint, String names) {
    put(names, List.of(hint));
  }

  private static void put(String names, List<String> hints) {
    for (String name : names.split(" ")) {
      if (HINTS.put(name, hints) != null) {
        throw new IllegalStateException(name + " stands in the table twice");
      }
    }
  }

  /// Returns all known names with their unformatted hints.
  static Map<String, List<String>> all() {
    return HINTS;
  }

  /// Returns the settings that a hint names, by key, each with its value or an empty text.
  static Map<String, String> named(String hint) {
    Map<String, String> settings = new LinkedHashMap<>();
    for (MatchResult hole : HOLE.matcher(hint).results().toList()) {
      settings.put(hole.group(1), hole.group(2) == null ? "" : hole.group(2));
    }
    return settings;
  }

  /// Returns the message for unknown flags, with a suggestion for each.
  ///
  /// @param known the command's flags, dashes included
  public static String unknownFlags(List<String> flags, String verb, Collection<String> known) {
    String what = Nearest.joined(flags, "and") + " for " + verb;
    String hints = hints(flags, flag -> flagHint(flag, known));
    String help = hints.isEmpty() ? "; see nudge " + verb + " --help" : hints;
    return (flags.size() == 1 ? "unknown flag " : "unknown flags ") + what + help;
  }

  /// Returns the message for unknown keys of a YAML file.
  static String unknownKeys(List<String> keys, Collection<String> known) {
    String what = Nearest.joined(keys.stream().map(key -> "'" + key + "'").toList(), "and");
    String hints = hints(keys, key -> keyHint(key, known));
    return (keys.size() == 1 ? "unknown key " : "unknown keys ") + what + hints;
  }

  /// Joins the hints; with several names, each hint begins with its name.
  private static String hints(List<String> names, UnaryOperator<String> hintOf) {
    if (names.size() == 1) {
      return hintOf.apply(names.getFirst());
    }
    StringBuilder hints = new StringBuilder();
    for (String name : names) {
      String hint = hintOf.apply(name);
      hints.append(hint.isEmpty() ? "" : "; " + name + ": " + hint.substring(2));
    }
    return hints.toString();
  }

  /// Returns `"; here it is --rank"` for a flag such as `--lora-r`, `--lora_r` or `-r`, else
  /// [Nearest#hint].
  ///
  /// @param known the command's flags, dashes included
  public static String flagHint(String flag, Collection<String> known) {
    return hint(flag, known, "--", '-', " ");
  }

  /// Returns the hint for a key of a YAML file.
  private static String keyHint(String key, Collection<String> known) {
    return hint(key, known, "", '_', ": ");
  }

  private static String hint(
      String given, Collection<String> known, String dashes, char joint, String before) {
    String name = name(given, dashes);
    for (String hint :
        HINTS.getOrDefault(name.replace('-', '_').toLowerCase(Locale.ROOT), List.of())) {
      if (named(hint).keySet().stream()
          .allMatch(key -> known.contains(dashes + key.replace('_', joint)))) {
        return "; "
            + HOLE.matcher(hint)
                .replaceAll(
                    hole ->
                        dashes
                            + hole.group(1).replace('_', joint)
                            + (hole.group(2) == null ? "" : before + hole.group(2)));
      }
    }
    return Nearest.hint(given, known);
  }

  /// Removes the dashes; a flag of one letter has one dash.
  private static String name(String given, String dashes) {
    if (given.startsWith(dashes)) {
      return given.substring(dashes.length());
    }
    return given.length() == 2 && given.startsWith("-") ? given.substring(1) : "";
  }
}
