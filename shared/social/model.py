"""The social network, whole: a single table of users, followers, posts, and likes becomes five tables.

    u#7            info        ──▶ users, with the numbers of followers and posts
    u#7#follower   u#8         ──▶ follows, by who follows
    u#7#post       p#21        ──▶ posts, with the author's name and the number of likes; reposts, by digest
    p#21#likelist  u#8         ──▶ likes

The old table is the design of "Social network schema design in DynamoDB" in AWS's developer guide of DynamoDB; the digest of
a post is ours. What that design stores twice is left behind: counts, who is followed, and timelines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from remodel.joins import all_, one
from remodel.kinds import Index, Kind, New, Old
from remodel.model import Model
from remodel.timestamps import Timestamp, instant

SOCIAL = Old("social", PK=str, SK=str)


class User(Kind, of=SOCIAL, PK="u#{user_id}", SK="info"):
    user_id: int
    name: str
    content: str | None = None
    image_url: str | None = Field(default=None, alias="imageUrl")


class Follower(Kind, of=SOCIAL, PK="u#{user_id}#follower", SK="u#{follower_id}"):
    user_id: int
    follower_id: int


class Post(Kind, of=SOCIAL, PK="u#{user_id}#post", SK="p#{post_id}"):
    user_id: int
    post_id: int
    content: str
    image_url: str | None = Field(default=None, alias="imageUrl")
    timestamp: Timestamp
    digest: bytes = Field(min_length=8, max_length=64)


class Like(Kind, of=SOCIAL, PK="p#{post_id}#likelist", SK="u#{user_id}"):
    post_id: int
    user_id: int


USERS = New("users", user_id=int)
FOLLOWS = New("follows", follower_id=int, user_id=int, indexes=[Index("by-user", "user_id", types={"user_id": int})])
POSTS = New("posts", user_id=int, post_id=int, indexes=[Index("by-post", "post_id", types={"post_id": int})])
REPOSTS = New("reposts", digest=bytes, post=str)
LIKES = New("likes", user_id=int, post_id=int, indexes=[Index("by-post", "post_id", types={"post_id": int})])

MODEL = Model(
    "social",
    ignore=[
        (SOCIAL, {"SK": "count"}),
        (SOCIAL, {"PK": "u#{user_id}#following"}),
        (SOCIAL, {"PK": "u#{user_id}#timeline"}),
    ],
)


@MODEL.becomes(
    USERS,
    joins={
        "followers": all_(Follower, on="user_id"),
        "posts": all_(Post, on="user_id", sees=["timestamp"]),
    },
)
def user(it: User, followers: Sequence[Any], posts: Sequence[Any]) -> Mapping[str, Any]:
    return {
        "name": it.name,
        "content": it.content,
        "image_url": it.image_url,
        "followers": len(followers),
        "posts": len(posts),
        "last_posted_at": max((post.timestamp for post in posts), key=instant, default=None),
    }


@MODEL.becomes(FOLLOWS)
def follow(it: Follower) -> Mapping[str, Any]:
    return {}


@MODEL.becomes(POSTS, joins={"author": one(User, sees=["name"]), "likes": all_(Like, on="post_id")})
def post(it: Post, author: Any, likes: Sequence[Any]) -> Mapping[str, Any]:
    return {
        "content": it.content,
        "image_url": it.image_url,
        "posted_at": it.timestamp,
        "author_name": author and author.name,
        "likes": len(likes),
    }


@MODEL.becomes(REPOSTS, post="{user_id}#{post_id}")
def repost(it: Post) -> Mapping[str, Any]:
    return {"posted_at": it.timestamp}


@MODEL.becomes(LIKES)
def like(it: Like) -> Mapping[str, Any]:
    return {}
