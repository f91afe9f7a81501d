#include "runtime/api/Handles.h"
#include "runtime/api/Status.h"
#include "runtime/parallel/SharedCalls.h"

using namespace lathe::runtime;

lathe_status lathe_group_create(const lathe_group_options *options, lathe_group **out_group) {
  return guarded("lathe_group_create", [&] {
    require(out_group, "out_group");
    *out_group = nullptr;
    *out_group = new lathe_group{std::make_shared<Group>(readOptions(options, /*required=*/true))};
  });
}

void lathe_group_release(lathe_group *group) { delete group; }

lathe_status lathe_group_follow(lathe_group *group, lathe_program *program, lathe_device *device) {
  return guarded("lathe_group_follow", [&] {
    require(group, "group");
    require(program, "program");
    require(device, "device");
    followCalls(group->object, program->object, *device->object);
  });
}

lathe_status lathe_session_create(lathe_program *program, lathe_device *device, const lathe_session_options *options,
                                  lathe_session **out_session) {
  return guarded("lathe_session_create", [&] {
    require(out_session, "out_session");
    *out_session = nullptr;
    require(program, "program");
    require(device, "device");
    lathe_session_options read = readOptions(options, /*required=*/false);
    *out_session = new lathe_session{
        std::make_shared<Session>(program->object, device->object, read.group ? read.group->object : nullptr, read)};
  });
}

void lathe_session_release(lathe_session *session) { delete session; }

lathe_status lathe_session_shapes(lathe_session *session, const lathe_run_options *options) {
  return guarded("lathe_session_shapes", [&] {
    require(session, "session");
    session->object->shapes(readOptions(options, /*required=*/true));
  });
}

lathe_status lathe_session_run(lathe_session *session, const lathe_run_options *options) {
  return guarded("lathe_session_run", [&] {
    require(session, "session");
    session->object->run(readOptions(options, /*required=*/true));
  });
}

lathe_status lathe_session_embed(lathe_session *session, const lathe_embed_options *options) {
  return guarded("lathe_session_embed", [&] {
    require(session, "session");
    session->object->embed(readOptions(options, /*required=*/true));
  });
}

lathe_status lathe_session_memory(lathe_session *session, lathe_memory_info *info) {
  return guarded("lathe_session_memory", [&] {
    require(session, "session");
    require(info, "info");
    (void)readOptions(info, /*required=*/true);
    giveStruct(session->object->memory(), info);
  });
}

lathe_status lathe_sequence_create(lathe_session *session, lathe_sequence **out_sequence) {
  return guarded("lathe_sequence_create", [&] {
    require(out_sequence, "out_sequence");
    *out_sequence = nullptr;
    require(session, "session");
    auto sequence = std::make_unique<lathe_sequence>(session->object, SequenceState());
    session->object->openSequence(SequenceState(), sequence->state);
    *out_sequence = sequence.release();
  });
}

void lathe_sequence_release(lathe_sequence *sequence) {
  if (!sequence)
    return;
  sequence->session->closeSequence(sequence->state);
  delete sequence;
}

lathe_status lathe_sequence_fork(lathe_sequence *sequence, lathe_sequence **out_sequence) {
  return guarded("lathe_sequence_fork", [&] {
    require(out_sequence, "out_sequence");
    *out_sequence = nullptr;
    require(sequence, "sequence");
    auto copy = std::make_unique<lathe_sequence>(sequence->session, SequenceState());
    sequence->session->openSequence(sequence->state, copy->state);
    *out_sequence = copy.release();
  });
}

lathe_status lathe_sequence_truncate(lathe_sequence *sequence, int64_t length) {
  return guarded("lathe_sequence_truncate", [&] {
    require(sequence, "sequence");
    sequence->session->truncate(sequence->state, length);
  });
}

int64_t lathe_sequence_length(const lathe_sequence *sequence) { return sequence->session->length(sequence->state); }

/// The state behind a handle; null if the handle is NULL or another session's.
static SequenceState *stateOf(const Session &session, lathe_sequence *sequence) {
  return sequence && sequence->session.get() == &session ? &sequence->state : nullptr;
}

lathe_status lathe_session_step(lathe_session *session, const lathe_step_options *options) {
  return guarded("lathe_session_step", [&] {
    require(session, "session");
    session->object->step(readOptions(options, /*required=*/true), stateOf);
  });
}
