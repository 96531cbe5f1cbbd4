package dev.nudge.langchain4j;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.nudge.chat.Answer;
import dev.nudge.chat.Assistant;
import dev.nudge.settings.verb.SamplingSettings;
import java.util.List;
import java.util.Set;

/// A LangChain4j `ChatModel` that runs a local base model with adapters in this process.
///
/// The model name of a request selects an adapter: a name known to the assistant, a folder, or a
/// reference such as `support@champion`. Without a model name the default of [Assistant#usual]
/// answers, or the only named adapter.
///
///     ChatModel model = NudgeChatModel.of(assistant);
///     model.chat(ChatRequest.builder().modelName("support").messages(messages).build());
///
/// [NudgeChatRequestParameters] has the parameters that only nudge knows: client name and template
/// variables. Unset parameters come from `sampling`, which is greedy by default. Images and other
/// non-text contents are refused.
///
/// Threading: any number of threads. It does not close the assistant.
///
/// @param sampling default sampling; with seed 0 and a temperature, answers are random
/// @param defaults default request parameters
/// @param listeners notified of each request
public record NudgeChatModel(
    Assistant assistant,
    SamplingSettings sampling,
    ChatRequestParameters defaults,
    List<ChatModelListener> listeners)
    implements ChatModel {

  public NudgeChatModel {
    defaults = NudgeChatRequestParameters.of(defaults); // so that nudge's own parameters are kept
    listeners = List.copyOf(listeners);
  }

  /// Returns a model with greedy decoding, and answers up to the model's context length.
  public static NudgeChatModel of(Assistant assistant) {
    return new NudgeChatModel(
        assistant,
        SamplingSettings.greedy().withMaxTokens(assistant.usualTokens()),
        ChatRequestParameters.builder().build(),
        List.of());
  }

  /// Sets the sampling for requests that do not specify it.
  public NudgeChatModel withSampling(SamplingSettings how) {
    return new NudgeChatModel(assistant, how, defaults, listeners);
  }

  /// Sets default request parameters, such as an adapter's name.
  public NudgeChatModel withDefaults(ChatRequestParameters parameters) {
    return new NudgeChatModel(assistant, sampling, parameters, listeners);
  }

  /// Sets the listeners.
  public NudgeChatModel withListeners(List<ChatModelListener> all) {
    return new NudgeChatModel(assistant, sampling, defaults, all);
  }

  /// Answers a request.
  ///
  /// @throws InvalidRequestException if the request is invalid or unsupported
  /// @throws RateLimitException if the request queue is full
  /// @throws LangChain4jException if this thread is interrupted, or the assistant closed
  @Override
  public ChatResponse doChat(ChatRequest request) {
    try {
      Answer answer = assistant.ask(Questions.of(request, sampling));
      if (answer.end() == Answer.End.CANCELLED) {
        throw new LangChain4jException("the answer was cut off: " + answer.text());
      }
      return Responses.of(request, answer);
    } catch (RuntimeException e) {
      throw Responses.failure(e);
    }
  }

  @Override
  public ChatRequestParameters defaultRequestParameters() {
    return defaults;
  }

  @Override
  public ModelProvider provider() {
    return ModelProvider.OTHER;
  }

  @Override
  public Set<Capability> supportedCapabilities() {
    return Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
  }
}
