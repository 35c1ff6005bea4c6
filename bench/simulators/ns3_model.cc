// The works in ns-3: events on its scheduler, and a queue where a request waits.
//
// Usage: ns3_model IDIOM bus CONSUMERS ACCESSES SERVICE
//        ns3_model IDIOM engines STREAMS TRANSFERS START SERVICE LOCAL
// IDIOM is "queue" or "busy-until"; times are in picoseconds. Prints one line: seconds of
// processor time of the event loop, the final time, the number of latencies and their sum.

#include "ns3/nstime.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <deque>
#include <string>
#include <vector>

using ns3::Simulator;
using ns3::TimeStep;

namespace
{

std::int64_t
Now()
{
    return Simulator::Now().GetTimeStep();
}

/// Return the processor time of this process in seconds.
double
Processor()
{
    timespec spent;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return spent.tv_sec + 1e-9 * spent.tv_nsec;
}

/// A client with its next access, and the latencies of those before.
struct Client
{
    std::int64_t left;
    std::int64_t begin = 0;
    std::vector<std::int64_t> latencies;

    void Record()
    {
        latencies.push_back(Now() - begin);
        --left;
    }
};

/// A FIFO bus that keeps those who wait in a queue.
struct QueuedBus
{
    std::int64_t service;
    bool busy = false;
    std::deque<Client*> waiting;

    void Request(Client* client)
    {
        client->begin = Now();
        if (busy)
        {
            waiting.push_back(client);
        }
        else
        {
            Serve(client);
        }
    }

    void Serve(Client* client)
    {
        busy = true;
        Simulator::Schedule(TimeStep(service), &QueuedBus::Done, this, client);
    }

    void Done(Client* client)
    {
        busy = false;
        if (!waiting.empty())
        {
            Client* next = waiting.front();
            waiting.pop_front();
            Serve(next);
        }
        client->Record();
        if (client->left > 0)
        {
            Request(client);
        }
    }
};

/// A FIFO bus that knows when it will be free.
struct BookedBus
{
    std::int64_t service;
    std::int64_t free = 0;

    void Request(Client* client)
    {
        client->begin = Now();
        free = std::max(free, Now()) + service;
        Simulator::Schedule(TimeStep(free - Now()), &BookedBus::Done, this, client);
    }

    void Done(Client* client)
    {
        client->Record();
        if (client->left > 0)
        {
            Request(client);
        }
    }
};

/// Two DMA engines before a FIFO link, with queues before both.
struct QueuedEngines
{
    std::int64_t start;
    std::int64_t service;
    std::int64_t local;
    int idle = 2;
    bool busy = false;
    std::deque<Client*> waiting;
    std::deque<Client*> started;

    void Request(Client* client)
    {
        client->begin = Now();
        if (idle > 0)
        {
            --idle;
            Start(client);
        }
        else
        {
            waiting.push_back(client);
        }
    }

    void Start(Client* client)
    {
        Simulator::Schedule(TimeStep(start), &QueuedEngines::Started, this, client);
    }

    void Started(Client* client)
    {
        if (busy)
        {
            started.push_back(client);
        }
        else
        {
            Serve(client);
        }
    }

    void Serve(Client* client)
    {
        busy = true;
        Simulator::Schedule(TimeStep(service), &QueuedEngines::Served, this, client);
    }

    void Served(Client* client)
    {
        busy = false;
        if (!started.empty())
        {
            Client* next = started.front();
            started.pop_front();
            Serve(next);
        }
        if (waiting.empty())
        {
            ++idle;
        }
        else
        {
            Client* next = waiting.front();
            waiting.pop_front();
            Start(next);
        }
        Simulator::Schedule(TimeStep(local), &QueuedEngines::Done, this, client);
    }

    void Done(Client* client)
    {
        client->Record();
        if (client->left > 0)
        {
            Request(client);
        }
    }
};

/// Two DMA engines before a FIFO link, which know when they will be free: a transfer's whole course
/// is known when it is asked for, since engines are granted in the order of requests and the link
/// is reached a constant time later.
struct BookedEngines
{
    std::int64_t start;
    std::int64_t service;
    std::int64_t local;
    std::int64_t earlier = 0; // when the engine that is free first is free
    std::int64_t later = 0;
    std::int64_t link = 0;

    void Request(Client* client)
    {
        client->begin = Now();
        link = std::max(std::max(earlier, Now()) + start, link) + service;
        earlier = later;
        later = link;
        Simulator::Schedule(TimeStep(link + local - Now()), &BookedEngines::Done, this, client);
    }

    void Done(Client* client)
    {
        client->Record();
        if (client->left > 0)
        {
            Request(client);
        }
    }
};

template <typename Station>
void
Run(Station station, int clients, std::int64_t accesses)
{
    std::vector<Client> all(clients, Client{accesses});
    for (Client& client : all)
    {
        Simulator::ScheduleNow(&Station::Request, &station, &client);
    }
    const double begin = Processor();
    Simulator::Run();
    const double took = Processor() - begin;
    const std::int64_t end = Now();
    Simulator::Destroy();
    std::size_t count = 0;
    std::int64_t sum = 0;
    for (const Client& client : all)
    {
        count += client.latencies.size();
        for (const std::int64_t latency : client.latencies)
        {
            sum += latency;
        }
    }
    std::printf("%.9f %lld %zu %lld\n",
                took,
                static_cast<long long>(end),
                count,
                static_cast<long long>(sum));
}

} // namespace

int
main(int argc, char** argv)
{
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() < 5)
    {
        std::fprintf(stderr, "ns3_model: too few arguments\n");
        return 2;
    }
    ns3::Time::SetResolution(ns3::Time::PS);
    const bool booked = words[0] == "busy-until";
    std::vector<std::int64_t> numbers;
    for (std::size_t i = 2; i < words.size(); ++i)
    {
        numbers.push_back(std::stoll(words[i]));
    }
    const int clients = static_cast<int>(numbers[0]);
    if (words[1] == "bus" && booked)
    {
        Run(BookedBus{numbers[2]}, clients, numbers[1]);
    }
    else if (words[1] == "bus")
    {
        Run(QueuedBus{numbers[2]}, clients, numbers[1]);
    }
    else if (booked)
    {
        Run(BookedEngines{numbers[2], numbers[3], numbers[4]}, clients, numbers[1]);
    }
    else
    {
        Run(QueuedEngines{numbers[2], numbers[3], numbers[4]}, clients, numbers[1]);
    }
    return 0;
}
