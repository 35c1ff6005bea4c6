// The works in SimGrid: actors that take mutexes and semaphores, and sleep.
//
// Usage: simgrid_model IDIOM bus CONSUMERS ACCESSES SERVICE
//        simgrid_model IDIOM engines STREAMS TRANSFERS START SERVICE LOCAL
// IDIOM is "resources" or "busy-until"; times are in picoseconds, and a second of SimGrid's clock,
// a double, is one of them. Prints one line: seconds of processor time of the run, the final time,
// the number of latencies and their sum.

#include <simgrid/s4u.hpp>
#include <simgrid/version.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

namespace sg4 = simgrid::s4u;

namespace {

struct Work {
  long clients;
  long accesses;
  double start;
  double service;
  double local;
};

std::vector<std::vector<long long>> latencies;

// The processor time of this process in seconds.
double processor()
{
  timespec spent;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return spent.tv_sec + 1e-9 * spent.tv_nsec;
}

double now()
{
  return sg4::Engine::get_clock();
}

void locked_bus(const Work* work, sg4::MutexPtr bus, std::vector<long long>* own)
{
  for (long i = 0; i < work->accesses; ++i) {
    const double begin = now();
    bus->lock();
    sg4::this_actor::sleep_for(work->service);
    bus->unlock();
    own->push_back(static_cast<long long>(now() - begin));
  }
}

void locked_engines(const Work* work, sg4::SemaphorePtr engines, sg4::MutexPtr link,
                    std::vector<long long>* own)
{
  for (long i = 0; i < work->accesses; ++i) {
    const double begin = now();
    engines->acquire();
    sg4::this_actor::sleep_for(work->start);
    link->lock();
    sg4::this_actor::sleep_for(work->service);
    link->unlock();
    engines->release();
    sg4::this_actor::sleep_for(work->local);
    own->push_back(static_cast<long long>(now() - begin));
  }
}

double free_at = 0;
double earlier = 0; // when the engine that is free first is free
double later   = 0;

void booked_bus(const Work* work, std::vector<long long>* own)
{
  for (long i = 0; i < work->accesses; ++i) {
    const double begin = now();
    free_at            = std::max(free_at, begin) + work->service;
    const double wait  = free_at - begin;
    sg4::this_actor::sleep_for(wait);
    own->push_back(static_cast<long long>(wait));
  }
}

// Engines are granted in the order of requests, and the link is reached a constant time later.
void booked_engines(const Work* work, std::vector<long long>* own)
{
  for (long i = 0; i < work->accesses; ++i) {
    const double begin = now();
    free_at            = std::max(std::max(earlier, begin) + work->start, free_at) + work->service;
    earlier            = later;
    later              = free_at;
    const double wait  = free_at + work->local - begin;
    sg4::this_actor::sleep_for(wait);
    own->push_back(static_cast<long long>(wait));
  }
}

} // namespace

int main(int argc, char** argv)
{
  sg4::Engine engine(&argc, argv);
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 5) {
    std::fprintf(stderr, "simgrid_model: too few arguments\n");
    return 2;
  }
  const bool booked = words[0] == "busy-until";
  const bool bus    = words[1] == "bus";
  Work work{std::stol(words[2]), std::stol(words[3]), 0, 0, 0};
  if (bus) {
    work.service = std::stod(words[4]);
  } else {
    work.start   = std::stod(words[4]);
    work.service = std::stod(words.at(5));
    work.local   = std::stod(words.at(6));
  }
#if SIMGRID_VERSION >= 40000
  sg4::NetZone* zone = engine.get_netzone_root();
#else
  sg4::NetZone* zone = sg4::create_full_zone("zone");
#endif
  sg4::Host* host = zone->create_host("host", 1e9)->seal();
  zone->seal();
  latencies.resize(work.clients);
  auto mutex     = sg4::Mutex::create();
  auto semaphore = sg4::Semaphore::create(2);
  for (auto& own : latencies) {
    if (bus && booked)
      sg4::Actor::create("client", host, booked_bus, &work, &own);
    else if (bus)
      sg4::Actor::create("client", host, locked_bus, &work, mutex, &own);
    else if (booked)
      sg4::Actor::create("client", host, booked_engines, &work, &own);
    else
      sg4::Actor::create("client", host, locked_engines, &work, semaphore, mutex, &own);
  }
  const double begin = processor();
  engine.run();
  const double took = processor() - begin;
  std::size_t count = 0;
  long long sum     = 0;
  for (const auto& own : latencies) {
    count += own.size();
    for (const long long latency : own)
      sum += latency;
  }
  std::printf("%.9f %.0f %zu %lld\n", took, now(), count, sum);
  return 0;
}
