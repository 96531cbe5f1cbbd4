package dev.nudge.springai;

import dev.nudge.chat.Answer;
import dev.nudge.chat.Assistant;
import dev.nudge.generate.Serving;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.SamplingSettings;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.chat.prompt.Prompt;
import reactor.core.publisher.Flux;

/// A Spring AI `ChatModel` that runs a local base model with adapters in this process.
///
/// The model name of the options selects an adapter: a name known to the assistant, a folder, or a
/// reference such as `support@champion`. Without a model name the default of [Assistant#usual]
/// answers, or the only named adapter.
///
///     ChatModel model = NudgeChatModel.of(assistant);
///     ChatOptions options = ChatOptions.builder().model("support").build();
///     model.call(new Prompt("Hello", options));
///
/// Unset options come from `sampling`, which is greedy by default. Tool definitions go into the
/// prompt and tool calls are returned; a `ChatClient` executes them. Images and other media are
/// refused.
///
/// Threading: any number of threads. It does not close the assistant.
///
/// @param sampling default sampling; with seed 0 and a temperature, answers are random
/// @param options default options of a prompt
public record NudgeChatModel(Assistant assistant, SamplingSettings sampling, ChatOptions options)
    implements ChatModel {

  public NudgeChatModel {
    if (!(options instanceof NudgeChatOptions)) { // other classes lack tools and a schema
      options = NudgeChatOptions.builder().combineWith(options.mutate()).build();
    }
  }

  /// Returns a model with greedy decoding, and answers up to the model's context length.
  public static NudgeChatModel of(Assistant assistant) {
    return new NudgeChatModel(
        assistant,
        SamplingSettings.greedy().withMaxTokens(assistant.usualTokens()),
        NudgeChatOptions.builder().build());
  }

  /// Sets the sampling for prompts that do not specify it.
  public NudgeChatModel withSampling(SamplingSettings how) {
    return new NudgeChatModel(assistant, how, options);
  }

  /// Sets default options, such as an adapter's name.
  public NudgeChatModel withOptions(ChatOptions usual) {
    return new NudgeChatModel(assistant, sampling, usual);
  }

  @Override
  public ChatOptions getOptions() {
    return options;
  }

  /// Answers a prompt.
  ///
  /// @throws InputException if the prompt is invalid or unsupported
  /// @throws BusyException if the request queue is full
  /// @throws RunException if this thread is interrupted, or the assistant closed
  @Override
  public ChatResponse call(Prompt prompt) {
    PromptQuestion asked = PromptQuestion.of(prompt, options, sampling);
    Answer answer = assistant.ask(asked.question());
    if (answer.end() == Answer.End.CANCELLED) {
      throw new RunException("the answer was cut off: " + answer.text());
    }
    return Responses.whole(asked.model(), answer);
  }

  /// Streams the answer to a prompt: text, and reasoning as `reasoningDelta` in the message
  /// metadata. The last response has tool calls, the whole reasoning as `reasoningContent`, finish
  /// reason and usage. Cancelling the subscription cancels the generation within a token.
  @Override
  public Flux<ChatResponse> stream(Prompt prompt) {
    return Flux.create(
        sink -> {
          PromptQuestion asked = PromptQuestion.of(prompt, options, sampling);
          Serving.Running running =
              assistant.ask(asked.question(), new Streaming(asked.model(), sink));
          sink.onDispose(running::cancel);
        });
  }
}
